import random

from icsguard.twin.repeat import LEAST_DIFFERENT, LENGTH, MAX_QUESTIONS, MAX_STRETCHES, RepeatWatch


def _noisy(count, seed):
    noise = random.Random(seed)
    return [(noise.randrange(1000), noise.randrange(1000)) for _ in range(count)]


def test_a_replayed_recording_is_seen_after_one_stretch():
    watch, recorded = RepeatWatch(), _noisy(200, 1)
    assert not any(watch.seen("q", answer) for answer in recorded)
    first = [watch.seen("q", answer) for answer in recorded[50:100]].index(True)
    assert first <= LENGTH


def test_noise_does_not_repeat():
    watch = RepeatWatch()
    assert not any(watch.seen("q", answer) for answer in _noisy(3000, 2))


def test_a_plant_at_rest_repeats_itself_innocently():
    watch = RepeatWatch()
    assert not any(watch.seen("q", (at % (LEAST_DIFFERENT - 1),)) for at in range(500))


def test_each_question_has_its_own_past():
    watch, recorded = RepeatWatch(), _noisy(60, 3)
    assert not any(watch.seen("a", answer) for answer in recorded)
    assert not any(watch.seen("b", answer) for answer in recorded)


def test_memory_is_bounded():
    watch = RepeatWatch()
    for answer in _noisy(MAX_STRETCHES + 500, 4):
        watch.seen("q", answer)
    assert len(watch._questions["q"].stretches) <= MAX_STRETCHES
    for question in range(2 * MAX_QUESTIONS):
        watch.seen(question, (1,))
    assert len(watch._questions) <= MAX_QUESTIONS
