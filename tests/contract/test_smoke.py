from tests.conftest import Newsroom


def test_an_article_is_written_and_read(newsroom: Newsroom) -> None:
    newsroom.article("Harbour bridge opens", body={"format": "text", "source": "At dawn."})
    answer = newsroom.get("/v1/articles/harbour-bridge-opens")
    assert answer.status_code == 200
    assert answer.json()["body"] == {"html": "<p>At dawn.</p>"}
