"""Characters: texts as they are read and cut, what is asked of them, and agents that learn and write them."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.data import data_folder

from vln.agents.registry import make_agent
from vln.alphabet import BEYOND, Alphabet
from vln.envs.registry import make_task
from vln.envs.sequences.characters import read_texts
from vln.evaluation.evaluate import evaluate
from vln.evaluation.generation import generate, generate_text
from vln.evaluation.intervals import summary
from vln.learning.config import TrainConfig
from vln.learning.learner import Learner
from vln.tasks import Task

ALICE = "Alice was beginning to get very tired of sitting by her sister on the bank. " * 4


@pytest.fixture
def alice(tmp_path: Path) -> Path:
    file = tmp_path / "alice.txt"
    file.write_text(ALICE)
    return file


def test_at_every_character_the_next_one_is_asked_for(alice: Path) -> None:
    task = make_task("characters", {"text": str(alice), "episode_length": 10, "val_fraction": 0.5})
    half = len(ALICE) // 2
    for split, text in (("train", ALICE[:half]), ("val", ALICE[half:])):
        world = task.open(split)
        assert len(world.episodes) == (half - 1) // 10
        for number, episode in enumerate(world.episodes):
            told = "".join(world.action_names[targets] for targets in episode.place.targets)
            inputs = "".join(world.action_names[symbol] for symbol in episode.place.inputs)
            assert inputs == text[10 * number : 10 * number + 10]
            assert told == text[10 * number + 1 : 10 * number + 11]


def test_a_text_is_the_same_packed_or_plain_and_however_its_lines_end(alice: Path, tmp_path: Path) -> None:
    plain = read_texts(str(alice), None, 0.2)
    packed, windows = tmp_path / "alice.txt.gz", tmp_path / "windows.txt"
    packed.write_bytes(gzip.compress(alice.read_bytes()))
    assert read_texts(str(packed), None, 0.2) == plain
    alice.write_text("one\ntwo\n")
    windows.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert read_texts(str(windows), None, 0.2) == read_texts(str(alice), None, 0.2)


def test_of_a_folder_whole_files_are_held_back(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.py").write_text(f"{number}" * 3)
    (tmp_path / "image.png").write_bytes(b"\0\1")
    texts = read_texts(str(tmp_path), None, 1 / 3)
    assert texts.train == "000\n111\n333\n444\n666\n"
    assert texts.val == "222\n555\n"
    few = read_texts(str(tmp_path), None, 0.01)
    assert few.val == "666\n"


def test_pythons_own_library_is_there_on_every_machine() -> None:
    texts = read_texts("python", None, 0.1)
    assert "import" in texts.val
    assert 5 < len(texts.train) / len(texts.val) < 20
    assert len(texts.train) > 1_000_000


def test_shakespeare_is_as_described() -> None:
    texts = read_texts("shakespeare", data_folder("text").parent, 0.1)
    assert len(texts.train) == 1_003_855  # the first nine tenths
    assert len(texts.train) + len(texts.val) == 1_115_394
    assert len(set(texts.train + texts.val)) == 65


def test_rare_characters_are_all_alike() -> None:
    alphabet = Alphabet.of("aaabbbcd", min_count=2)
    assert alphabet.characters == ("a", "b", BEYOND)
    assert alphabet.encode("abxc").tolist() == [0, 1, 2, 2]
    assert Alphabet.of("aabb", min_count=2).characters == ("a", "b")


def broken(folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Texts that can't be read, and what is complained of."""
    (folder / "empty.txt").write_text("")
    (folder / "binary.txt").write_bytes(b"text\0more")
    (folder / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    (folder / "cut.txt.gz").write_bytes(gzip.compress(b"text" * 99)[:-9])
    (folder / "short.txt").write_text("short")
    (folder / "nothing").mkdir()
    (folder / "one").mkdir()
    (folder / "one" / "a.txt").write_text("text")
    (folder / "one" / "b.txt").write_text("")
    return {
        "empty.txt": ({}, r"empty\.txt is empty"),
        "binary.txt": ({}, r"binary\.txt is no text: there is a zero byte at 4"),
        "latin.txt": ({}, r"latin\.txt is no UTF-8 text: byte 3 can't be read"),
        "cut.txt.gz": ({}, r"cut\.txt\.gz can't be unpacked"),
        "short.txt": (
            {"episode_length": 10},
            r"split train of short\.txt has \d characters, too few for an episode of 10",
        ),
        "nothing": ({}, r"no file in .*nothing has a name that ends in \.txt, "),
        "one": ({}, r"of 2 files 1 hold any text"),
        "nowhere.txt": ({}, r"there is no text at .*nowhere\.txt"),
    }


def test_what_is_no_text_is_named_with_the_reason(tmp_path: Path) -> None:
    for name, (options, complaint) in broken(tmp_path).items():
        with pytest.raises((ValueError, FileNotFoundError), match=complaint):
            make_task("characters", {"text": str(tmp_path / name), **options}).open("train")
    for options, complaint in (
        ({"text": "shakespeare"}, "--data DIR"),
        ({"val_fraction": 1.5}, r"between 0 and 1, not 1\.5"),
        ({"episode_length": 0}, "at least one character, not 0"),
    ):
        with pytest.raises(ValueError, match=complaint):
            make_task("characters", options).open("train")


HELLO = Alphabet("ehlo")


@pytest.fixture(scope="module")
def hello() -> tuple[Task, Any]:
    """A task, and an agent that has learned it."""
    task = make_task("characters")
    world = task.open("train")
    torch.manual_seed(0)
    agent = make_agent(world.spaces, world.action_space, 0, {"memory": "elman", "hidden": 24, "word_dim": 0})
    config = TrainConfig(
        num_envs=16, unroll_length=10, teacher_share_end=1.0, progress_weight=0, updates=150, learning_rate=0.01
    )
    learner = Learner.begin(world, agent, config)
    for _ in range(150):
        learner.learn()
    return task, agent.eval()


def test_hello_is_learned_and_written(hello: tuple[Task, Any]) -> None:
    task, agent = hello
    assert generate_text(agent, HELLO, "h", 19, temperature=0) == "hellohellohellohello"
    without = generate_text(
        agent, HELLO, None, 4, top_k=1
    )  # where lines have no end it begins with the first character
    assert without == generate_text(agent, HELLO, "e", 4, top_k=1)
    # After an l it takes memory to know whether l or o comes next; the first is not known to be h.
    nats = summary(evaluate(task.open("val"), agent))["nll"].mean
    assert nats < 0.1


def test_what_surprises_is_minus_the_log_of_how_probable_the_next_character_was(hello: tuple[Task, Any]) -> None:
    task, agent = hello
    world = task.open("val")
    lines = [episode.place for episode in world.episodes]
    inputs = torch.from_numpy(np.stack([line.inputs for line in lines]).T)
    targets = torch.from_numpy(np.stack([line.targets for line in lines]).T)
    with torch.no_grad():
        episode_starts = torch.zeros(inputs.shape, dtype=torch.bool)
        decision, _ = agent({"input": inputs.long()}, agent.initial(inputs.shape[1]), episode_starts)
    expected = -decision.policy.log_prob(targets.long()).mean(dim=0)
    judged = [outcome.metrics() for outcome in evaluate(world, agent)]
    found = [metrics["nll"] for metrics in judged]
    assert [metrics["bits"] for metrics in judged] == pytest.approx([nats / np.log(2) for nats in found])
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_same_seed_writes_the_same_and_a_colder_one_the_likeliest(hello: tuple[Task, Any]) -> None:
    _, agent = hello
    wild = [generate_text(agent, HELLO, "he", 60, temperature=50, seed=seed) for seed in (0, 0, 1)]
    assert wild[0] == wild[1] != wild[2]
    assert len(set(wild[0])) == 4


@pytest.mark.parametrize(
    ("prompt", "how", "complaint"),
    [
        ("", {}, "a prompt has at least one symbol"),
        ("hex", {}, r"character 'x' \(number 3 of the text\) is not in the alphabet"),
        ("h", {"temperature": -1}, "at least 0, not -1"),
        ("h", {"top_k": 0}, "top_k is at least 1, not 0"),
    ],
)
def test_what_can_not_be_gone_on_from_is_refused(
    hello: tuple[Task, Any], prompt: str, how: dict[str, Any], complaint: str
) -> None:
    _, agent = hello
    with pytest.raises(ValueError, match=complaint):
        generate_text(agent, HELLO, prompt, 5, **how)


def test_of_the_likeliest_few_only_those_are_drawn(hello: tuple[Task, Any]) -> None:
    _, agent = hello
    with torch.no_grad():
        first = torch.zeros(1, 1, dtype=torch.long)
        decision, _ = agent({"input": first}, agent.initial(1), torch.zeros(1, 1, dtype=torch.bool))
    likeliest = set(decision.policy.logits[0, 0].topk(2).indices.tolist())
    drawn = {generate(agent, [0], 1, temperature=30, top_k=2, seed=seed)[0] for seed in range(40)}
    assert drawn == likeliest
    assert {generate(agent, [0], 1, temperature=30, seed=seed)[0] for seed in range(80)} == set(range(4))
