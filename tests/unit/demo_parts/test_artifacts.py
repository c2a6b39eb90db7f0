"""What is committed is what the contracts compile to."""

import json

import pytest

from demo import contracts_build

VAULT = {
    "PoolCreated": ["poolId", "apyBp", "lockMonths"],
    "WexelCreated": ["id", "owner", "poolId", "principalUsd", "apyBp", "maturesAt"],
    "Transfer": ["sender", "receiver", "tokenId"],
    "BoostApplied": ["wexelId", "apyBoostBp", "valueUsd"],
    "Accrued": ["wexelId", "amountUsd"],
    "Claimed": ["wexelId", "to", "amountUsd"],
    "Collateralized": ["wexelId", "loanUsd"],
    "LoanRepaid": ["wexelId", "loanUsd"],
    "Redeemed": ["wexelId", "principalUsd"],
}
MARKETPLACE = {
    "Listed": ["listingId", "wexelId", "seller", "askUsd"],
    "Sold": ["listingId", "wexelId", "buyer", "priceUsd"],
    "ListingCancelled": ["listingId", "wexelId"],
}


def test_recompiling_changes_nothing() -> None:
    """Artifacts and protocol ABIs are the compiler's output for the contracts beside them."""
    pytest.importorskip("vyper")
    assert contracts_build.differing() == []


@pytest.mark.parametrize(("contract", "events"), [("vault", VAULT), ("marketplace", MARKETPLACE)])
def test_protocol_abis_carry_the_promised_events(contract: str, events: dict[str, list[str]]) -> None:
    """The events an indexer follows have the agreed names and parameters."""
    abi = json.loads((contracts_build.PROTOCOL_ABI / f"{contract}.json").read_text())
    found = {entry["name"]: [given["name"] for given in entry["inputs"]] for entry in abi if entry["type"] == "event"}
    assert events.items() <= found.items()


def test_a_missing_artifact_names_the_command_that_makes_it() -> None:
    """Whoever lacks an artifact is told how to get it."""
    with pytest.raises(contracts_build.ArtifactMissing) as caught:
        contracts_build.load("Nothing")
    assert "Nothing.json" in str(caught.value)
    assert "demo.contracts_build" in caught.value.advice
