"""Compile the demo's contracts into the artifacts that are committed (`python -m demo.contracts_build [--check]`)."""

import json
import sys
from pathlib import Path
from typing import Any

from shared.errors import Permanent

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "demo" / "contracts"
ARTIFACTS = ROOT / "demo" / "artifacts"
PROTOCOL_ABI = ROOT / "protocols" / "wexel" / "abi"
NAMES = ("Usdt", "Weth", "Feed", "Pool", "Vault", "Marketplace")
INDEXED = ("Vault", "Marketplace")


class ArtifactMissing(Permanent):
    """A compiled contract is not where it was committed."""

    reason = "artifact_missing"
    advice = "Run `python -m demo.contracts_build`; it needs PyPI's `vyper`."


def artifact(name: str) -> dict[str, Any]:
    """ABI, creation bytecode and compiler of one contract, compiled now (needs PyPI's `vyper`)."""
    from vyper import __long_version__  # type: ignore[import-untyped]
    from vyper.cli.vyper_compile import compile_files  # type: ignore[import-untyped]
    from vyper.evm.opcodes import DEFAULT_EVM_VERSION  # type: ignore[import-untyped]

    source = CONTRACTS / f"{name}.vy"
    (output,) = (
        found
        for path, found in compile_files([str(source)], ["abi", "bytecode"], paths=[str(CONTRACTS)]).items()
        if Path(path).name == source.name
    )
    compiler = {"name": "vyper", "version": __long_version__, "evm": DEFAULT_EVM_VERSION}
    return {"contract": name, "compiler": compiler, "abi": output["abi"], "bytecode": output["bytecode"]}


def files() -> dict[Path, str]:
    """Every committed file that is made from the contracts, with the text it should have."""
    made: dict[Path, str] = {}
    for name in NAMES:
        compiled = artifact(name)
        made[ARTIFACTS / f"{name}.json"] = json.dumps(compiled, indent=1) + "\n"
        if name in INDEXED:
            made[PROTOCOL_ABI / f"{name.lower()}.json"] = json.dumps(compiled["abi"], indent=1) + "\n"
    return made


def differing() -> list[Path]:
    """Committed files that are missing or not what the contracts compile to."""
    return [path for path, text in files().items() if not path.is_file() or path.read_text() != text]


def load(name: str) -> dict[str, Any]:
    """A committed artifact: `abi`, `bytecode`, `compiler`. Needs no compiler."""
    path = ARTIFACTS / f"{name}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except OSError as exc:
        raise ArtifactMissing(f"{path}: {exc.strerror}") from exc
    return found


def main(argv: list[str]) -> int:
    if argv == ["--check"]:
        stale = differing()
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not what its contract compiles to\n")
        return 1 if stale else 0
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
