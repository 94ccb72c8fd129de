"""The plugin, as projects meet it that only install Tilth."""

from pathlib import Path
from textwrap import dedent

import pytest

from tilth.testing import worlds
from tilth.testing.plugin import pytest_assertrepr_compare

pytest_plugins = ["pytester"]

COUNTING = """
from tilth.frame import *
from tilth.testing import TinyRuntime

@event
class Counted:
    who: AccountId
    amount: u32

class Error(ErrorEnum):
    TOO_FAR = "Nobody counts beyond the limit."

class Counter(Pallet[Counted, Error]):
    count = DefaultValue[u32]()

    @call(0)
    def add(self, who: Signed, amount: u32) -> None:
        ensure(amount < 100, Error.TOO_FAR)
        self.count.put(self.count.get() + amount)
        self.emit(Counted(who, amount))

    def try_state(self):
        assert self.count.get() != 66, "66 is no good"

class Counting(TinyRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.counter = self.add(40, Counter())
"""
HEAD = """
import pytest
from counting import *
from tilth.testing import raises
"""


# pytester forgets what an inner run was first to import, and extension modules load but once.
assert worlds


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A third party's project with a pallet and a runtime of its own."""
    pytester.makepyfile(counting=COUNTING)
    pytester.makeini(
        "[pytest]\npythonpath = .\ntilth_runtime = counting:Counting\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )
    return pytester


def run(project: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    project.makepyfile(test_counting=HEAD + dedent(tests))
    return project.runpytest_inprocess("-p", "no:cacheprovider", *options)


def test_a_runtime_is_named_in_the_settings(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        def test_it(chain, alice):
            chain.dispatch(chain.runtime.counter.add.call(5), alice)
            assert Counted(alice, 5) in chain.events

        def test_isolation(chain):
            assert chain.runtime.counter.count.get() == 0
        """,
    )

    result.assert_outcomes(passed=2)


def test_the_option_goes_before_the_setting(project: pytest.Pytester) -> None:
    result = run(
        project,
        "def test_it(chain): assert not hasattr(chain.runtime, 'counter')\n",
        "--tilth-runtime=tilth.testing.tiny:TinyRuntime",
    )

    result.assert_outcomes(passed=1)


def test_a_module_overrides_runtime_and_genesis(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_other="""
        import pytest
        from counting import Counting

        class Other(Counting): ...

        @pytest.fixture(scope="session")
        def tilth_runtime():
            return Other

        @pytest.fixture(scope="session")
        def tilth_genesis(alice):
            return {"Balances": {"balances": [(alice, 77)]}}

        def test_it(chain, alice, bob):
            assert type(chain.runtime) is Other
            assert chain.runtime.balances.free_balance(alice) == 77
            assert chain.runtime.balances.free_balance(bob) == 0
        """
    )

    result = run(
        project,
        """
        def test_it(chain, bob):
            assert type(chain.runtime) is Counting
            assert chain.runtime.balances.free_balance(bob) > 77
        """,
    )

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nowhere:Runtime", "there is no runtime 'nowhere:Runtime'"),
        ("counting:Missing", "there is no runtime 'counting:Missing'"),
        ("counting:Counter", "'counting:Counter' is no class of runtimes"),
    ],
)
def test_a_wrong_name_is_told(project: pytest.Pytester, name: str, complaint: str) -> None:
    result = run(project, "def test_it(chain): ...\n", f"--tilth-runtime={name}")

    result.stdout.fnmatch_lines([f"*{complaint}*"])
    assert result.ret != 0


def test_failures_show_what_happened(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        def test_in(chain, alice, bob):
            chain.dispatch(chain.runtime.counter.add.call(5), alice)
            assert Counted(bob, 5) in chain.events

        def test_equal(chain, alice):
            happened = chain.dispatch(chain.runtime.counter.add.call(5), alice)
            assert happened == [Counted(alice, 6)]

        def test_it_succeeds(chain, alice):
            with raises(Error.TOO_FAR):
                chain.dispatch(chain.runtime.counter.add.call(5), alice)

        def test_another_error(chain, alice):
            with raises(BAD_ORIGIN):
                chain.dispatch(chain.runtime.counter.add.call(500), alice)
        """,
    )

    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "*Counted(who=Bob, amount=5) in the events",
            "*the events are:",
            "*  Counter.Counted(who=Alice, amount=5)",
            "*- Counter.Counted(who=Alice, amount=6)",
            "*+ Counter.Counted(who=Alice, amount=5)",
            "*it succeeded; it should have failed with counting.TOO_FAR*",
            "*it failed with counting.TOO_FAR ('Nobody counts beyond the limit.') "
            "instead of BadOrigin()*",
        ]
    )


def test_invariants_are_checked_when_a_test_is_over(project: pytest.Pytester) -> None:
    result = run(
        project,
        "def test_it(chain, alice): chain.runtime.counter.add(alice, 66)\n",
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*66 is no good*"])


def test_a_node_forgets_what_a_test_did(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        from substrateinterface import Keypair, SubstrateInterface

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(node, time):
            with SubstrateInterface(url=node.ws) as client:
                assert client.query("Counter", "Count").value == 0
                assert node.run(lambda running: running.runtime.format.waiver) is None
                node.run(lambda running: running.dev.accept_mock_signatures(True))
                call = client.compose_call("Counter", "add", {"amount": 3})
                signed = client.create_signed_extrinsic(call, Keypair.create_from_uri("//Alice"))
                receipt = client.submit_extrinsic(signed, wait_for_finalization=True)
                assert receipt.is_success
                assert client.query("Counter", "Count").value == 3
        """,
    )

    result.assert_outcomes(passed=2)


def test_pytest_starts_without_loading_a_chain(project: pytest.Pytester) -> None:
    """Every project in an environment with Tilth loads the plugin."""
    project.makepyfile(
        test_counting="""
        import sys
        def test_it():
            assert not [name for name in sys.modules if name.startswith("tilth.frame")]
        """
    )
    result = project.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=1)


def test_comparisons_of_others_are_left_alone() -> None:
    assert pytest_assertrepr_compare("==", [1], [2]) is None


@pytest.mark.parametrize(("example", "tests"), [("testing_a_pallet", 8), ("testing_a_dapp", 3)])
def test_the_examples_pass(pytester: pytest.Pytester, example: str, tests: int) -> None:
    folder = Path(__file__).parents[2] / "examples" / example

    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)
    )

    result.assert_outcomes(passed=tests)
