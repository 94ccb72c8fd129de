"""explorer_*: what the page is told of blocks, accounts, datasets, jobs and rewards."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

Field = Any
Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def ask(field: Field) -> Ask:
    def asked(method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = Request(field.node.http, body, {"content-type": "application/json"})
        with urlopen(request) as reply:
            answer = json.load(reply)
        return answer["error"]["message"] if "error" in answer else answer["result"]

    return asked


def cards(ask: Ask) -> Iterator[Any]:
    """Blocks, highest first: other files' tests may have made some since."""
    return (ask("explorer_block", row["hash"]) for row in ask("explorer_blocks", None, 100))


def methods_of(card: Any) -> list[str]:
    return [each["method"] for each in card["extrinsics"]]


def call_of(card: Any, method: str) -> Any:
    return next(each for each in card["extrinsics"] if each["method"] == method)


def test_blocks_are_told_highest_first_and_in_pages(ask: Ask) -> None:
    newest = ask("explorer_blocks", None, 3)
    older = ask("explorer_blocks", newest[-1]["number"], 3)
    numbers = [row["number"] for row in (*newest, *older)]

    assert numbers == list(range(numbers[0], numbers[0] - 6, -1))
    assert all(row["final"] and row["sent"] == 1 for row in newest)
    assert ask("explorer_blocks", 2, 100)[-1]["time"] is None


def test_a_block_tells_calls_with_their_events_and_outcome(ask: Ask) -> None:
    card = next(card for card in cards(ask) if "createJob" in methods_of(card))
    created = call_of(card, "createJob")
    events = [event for event in card["events"] if event["phase"] == created["index"]]

    assert card == ask("explorer_block", str(card["row"]["number"]))
    assert created["args"]["spec"]["modelBytes"] == 7
    assert created["args"]["spec"]["model"]["$hash"].startswith("0x")
    assert created["success"]
    assert int(created["fee"]) > 0
    assert [event["method"] for event in events][-2:] == ["TransactionFeePaid", "ExtrinsicSuccess"]
    assert [each["inherent"] for each in card["extrinsics"]] == [True, True, False]


def test_a_failed_call_tells_why(field: Field, ask: Ask) -> None:
    from tilth.sdk import Refused

    signer = field.pair("Ferdie")
    with pytest.raises(Refused):
        field.client.submit(signer, "Compute", "claim_job", {"job": 99})
    failed = ask("explorer_block", str(ask("explorer_blocks", None, 1)[0]["number"]))
    claimed = call_of(failed, "claimJob")

    assert not claimed["success"]
    assert claimed["error"].startswith("Compute.NotFound: ")
    assert claimed["signer"] == signer.ss58_address


def test_long_content_is_cut_in_a_call_that_stores_it(field: Field, ask: Ask) -> None:
    field.client.publish_content(field.pair("Alice"), bytes(range(256)) * 4096)
    card = ask("explorer_block", str(ask("explorer_blocks", None, 1)[0]["number"]))
    data = call_of(card, "storeWithCidConfig")["args"]["data"]

    assert data["$bytes"] == 1 << 20
    assert len(data["head"]) < 200
    assert data["text"] is None


def test_datasets_are_searched_with_what_would_narrow_them(field: Field, ask: Ask) -> None:
    page = ask("explorer_datasets", "volta", None, None, "public")

    assert [item["number"] for item in page["items"]] == [field.harvest, field.rain]
    assert (page["total"], page["all"]) == (2, 4)
    assert page["tags"][0] == {"name": "ghana", "count": 2}
    assert ask("explorer_datasets", "", None, None, "private")["items"][0]["rows"] == 300
    assert ask("explorer_datasets", "", "ghana", None, None, None, 1, 1)["items"][0]["number"] == 0
    assert "public and private" in ask("explorer_datasets", "", None, None, "secret")


def test_a_card_tells_files_revisions_and_what_the_publisher_says(field: Field, ask: Ask) -> None:
    card = ask("explorer_dataset", field.rain)

    assert card["metadata"]["description"].startswith("Monthly rainfall")
    assert [each["name"] for each in card["metadata"]["fields"]][:2] == ["station", "year"]
    assert [each["path"] for each in card["files"]] == ["README.md", "rain.csv"]
    assert card["revisions"][0]["tags"] == ["v1"]
    assert all(cid.startswith("bafkrei") for each in card["files"] for cid in each["cids"])
    assert ask("explorer_dataset", 77) == "there is no dataset 77"


def test_a_private_table_tells_schema_terms_and_budget_but_no_row(field: Field, ask: Ask) -> None:
    card = ask("explorer_dataset", field.clinic)
    private = card["private"]

    assert [column["name"] for column in private["schema"]] == ["age", "marker", "relapsed"]
    assert private["spentMicro"] == pytest.approx(1_000_000, rel=0.01)
    assert private["reservedMicro"] > 0
    assert private["budget"]["epsilonMicro"] == 8_000_000
    assert private["policy"]["pricePerJob"] == {"$amount": str(2 * 10**12)}
    assert (card["files"], card["revisions"]) == ([], [])


def test_citations_lead_both_ways(field: Field, ask: Ask) -> None:
    edge = {"user": field.harvest, "userRevision": 0, "source": field.rain}
    of_source, of_user = (
        ask("explorer_citations", number) for number in (field.rain, field.harvest)
    )

    assert of_source["edges"] == [{**edge, "sourceRevision": None}]
    assert of_user["edges"] == [{**edge, "sourceRevision": 0}]
    assert [(each["number"], each["level"]) for each in of_user["nodes"]] == [
        (field.harvest, 0),
        (field.rain, -1),
    ]


def test_proofs_of_a_dataset_are_those_that_the_chain_drew(field: Field, ask: Ask) -> None:
    histories = [ask("explorer_proofs", number) for number in range(4)]
    shown = [proof["block"] for history in histories for proof in history["proofs"]]
    drawn = histories[0]["drawn"]

    assert len(set(shown)) == len(shown)
    assert 0 < len(shown) <= drawn
    assert histories[0]["chunks"] + histories[1]["chunks"] < histories[0]["pinned"]
    checked = [ask("explorer_block", str(block)) for block in shown[:5]]
    assert all(call_of(card, "checkProof")["success"] for card in checked)


def test_a_job_tells_the_states_it_went_through(field: Field, ask: Ask) -> None:
    card = ask("explorer_job", field.done)
    steps = card["steps"]
    called = {"Queued": "createJob", "Claimed": "claimJob", "Running": "start"}

    assert [step["state"] for step in steps] == [
        "Queued",
        "Claimed",
        "Running",
        "Delivered",
        "Completed",
    ]
    for step in steps[:3]:
        call_of(ask("explorer_block", str(step["block"])), called[step["state"]])
    assert steps[-1]["deadline"] is None
    assert ask("explorer_jobs", None, None, "Queued")["items"][0]["number"] == field.waiting
    assert ask("explorer_jobs")["states"] == {"Queued": 1, "Completed": 1}
    assert ask("explorer_workers")[0]["completed"] == 1


def test_an_account_tells_what_holds_its_money(field: Field, ask: Ask) -> None:
    card = ask("explorer_account", field.pair("Bob").ss58_address)
    held = sum(int(each["amount"]["$amount"]) for each in card["holds"])

    assert held == int(card["reserved"])
    assert {each["id"]["$reason"] for each in card["holds"]} == {
        "TransactionStorage: storage fee hold",
        "Datasets: storage deposit",
        "Compute: escrow",
    }
    assert [item["number"] for item in card["datasets"]] == [field.harvest]
    assert card["jobCount"] == 2
    assert ask("explorer_account", "0x" + "00" * 32)["free"] == "0"
    assert "checksum" in ask("explorer_account", field.pair("Bob").ss58_address[:-1] + "x")


def test_eras_tell_whose_data_burned_fees(field: Field, ask: Ask) -> None:
    rewards = ask("explorer_rewards")
    earners = [each for era in rewards["eras"] for each in era["earners"]]

    assert rewards["eras"][0]["era"] == rewards["era"]
    assert earners[0]["dataset"] == field.clinic
    assert int(earners[0]["fees"]) > 0


def test_whatever_is_typed_leads_somewhere(field: Field, ask: Ask) -> None:
    block = ask("explorer_blocks", None, 1)[0]
    sent = ask("explorer_block", block["hash"])["extrinsics"][-1]

    def paths(text: str) -> list[str]:
        return [place["path"] for place in ask("explorer_find", text)]

    assert paths("2") == ["blocks/2", "datasets/2"]
    assert paths(block["hash"]) == [f"blocks/{block['hash']}"]
    assert paths(sent["hash"]) == [f"extrinsics/{block['number']}-{sent['index']}"]
    assert paths(field.pair("Eve").ss58_address) == [f"accounts/{field.pair('Eve').ss58_address}"]
    assert paths("alice") == [f"accounts/{field.pair('Alice').ss58_address}"]
    assert paths("harvests VOLTA") == [f"datasets/{field.harvest}"]
    assert paths("0x12") == paths("") == paths("nothing like it") == []
