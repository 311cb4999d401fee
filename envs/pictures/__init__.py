"""Ready-made worlds of pictures: say something true of one, or answer a question about it."""

from .questions import PictureQuestions, picture_questions
from .sentences import PictureSentences, picture_sentences

__all__ = ["PictureQuestions", "PictureSentences", "picture_questions", "picture_sentences"]
