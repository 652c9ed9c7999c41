"""Asks many questions, several at a time, and loses no answer to an interrupt or to another question's fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from kfzoo.language_models.backend import AnswerError

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def answer_all(
    questions: Iterable[Question],
    answer: Callable[[Question], Answer],
    finish: Callable[[Question, Answer | AnswerError], None],
    *,
    parallel: int = 1,
    cancel: Callable[[], None],
) -> None:
    """Answers questions; on any exception, an interrupt too, the answers that are there are finished before it goes on.

    Args:
        questions: In the order in which they are asked.
        answer: Answers one; runs in a thread of its own where several are asked at a time.
        finish: Gets each question with its answer, or with the reason why it got none, in this thread.
        parallel: Number of questions that are asked at a time.
        cancel: Makes the calls of `answer` that still run fail.

    Raises:
        BaseException: What `answer` raises except `AnswerError`, and what `finish` raises.
    """

    def attempt(question: Question) -> Answer | AnswerError:
        try:
            return answer(question)
        except AnswerError as error:
            return error

    if parallel <= 1:
        for question in questions:
            finish(question, attempt(question))
        return
    rest = iter(questions)
    running: dict[Future[Answer | AnswerError], Question] = {}
    with ThreadPoolExecutor(parallel) as pool:
        try:
            while True:
                free = parallel - len(running)
                running |= {pool.submit(attempt, each): each for each in islice(rest, free)}
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    finish(running[future], future.result())
                    del running[future]
        except BaseException:
            cancel()
            for future in wait(running).done:
                if not future.cancelled() and future.exception() is None:
                    found = future.result()
                    if not isinstance(found, AnswerError):
                        finish(running[future], found)
            raise
