"""The tables of articles, for statements of more than one row."""

from app.archive.models import Article, ArticleAuthor, ArticleBody, ArticleTag
from app.db.columns import table

article = table(Article)
article_body = table(ArticleBody)
article_with_body = article.join(article_body, article_body.c.article_id == article.c.id)
article_author = table(ArticleAuthor)
article_tag = table(ArticleTag)
