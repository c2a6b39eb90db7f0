"""What a user can configure, as frozen models with their defaults.

Every table forbids unknown keys. Secrets are `SecretStr`, given plainly or through the sibling key `…_file`. Relative
paths mean relative to the config file's folder, which the loader passes in as the validation context `folder`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
LONGEST_S = 36_500 * 86_400.0
FARTHEST_BLOCK = 10**15
DEEPEST = 10**6
_UNIT_S = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_seconds(value: object) -> float:
    """Seconds from 5, "5s", "500ms", "30m", "1h" or "1d"."""
    seconds = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        seconds = float(match[1]) * _UNIT_S[match[2]]
    if seconds > LONGEST_S:
        raise ValueError("a duration of at most a hundred years")
    if not seconds >= 0:
        raise ValueError('a duration such as 5, "5s", "500ms", "30m" or "1h"')
    return seconds


def parse_finality(value: object) -> str | int:
    """The chain's own `"finalized"` tag, or a depth in blocks; 0 for a chain that never forks."""
    if value == "finalized":
        return "finalized"
    if (depth := _whole(value, DEEPEST)) is not None:
        return depth
    raise ValueError(f'"finalized" or a depth in blocks, such as 64, at most {DEEPEST}')


def parse_start_block(value: object) -> str | int:
    """A block number, or `"auto"`: the block in which the contract was deployed."""
    if value == "auto":
        return "auto"
    if (number := _whole(value, FARTHEST_BLOCK)) is not None:
        return number
    raise ValueError(f'a block number, at most {FARTHEST_BLOCK}, or "auto"')


def _whole(value: object, most: int) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(most)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def parse_address(value: object) -> str:
    """An EVM address; mixed case must carry a right EIP-55 checksum. Comes back in lower case."""
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise ValueError("an address: 0x and 40 hex digits")
    digits = value[2:]
    if not int(digits, 16):
        raise ValueError("the address of a contract; nobody lives at zero")
    if digits not in (digits.lower(), digits.upper()) and not _checksum_right(value):
        raise ValueError("an address with a right EIP-55 checksum (or all in lower case); a digit is mistyped")
    return value.lower()


def _checksum_right(address: str) -> bool:
    from eth_utils.address import is_checksum_address  # a third of a worker's start, and seldom needed

    return is_checksum_address(address)


def parse_addresses(value: object) -> tuple[str, ...]:
    """One address or a list of them."""
    return tuple(parse_address(one) for one in (value if isinstance(value, (list, tuple)) else [value]))


def _against_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder", Path())
    return Path(folder) / path.expanduser()


def _readable(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("a file that exists")
    return path


def _some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("at least one of them")
    return values


def _endpoint_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name):
        raise ValueError("at most 32 lower-case letters, digits, - or _")
    return name


def _is_url(text: str) -> bool:
    from shared import address  # which loads yarl: 40 ms that commands without a config are spared

    try:
        address.read(text)
    except ValueError:
        return False
    return True


def _http(text: str) -> str:
    if not _is_url(text):
        raise ValueError("an http:// or https:// address")
    return text


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", name):
        raise ValueError("a name of at most 40 letters, digits, -, _ or .")
    return name


def _host(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:%-]+", host):
        raise ValueError("an address or name of this host, such as 127.0.0.1 or 0.0.0.0")
    return host


Some = AfterValidator(_some)
Name = Annotated[str, AfterValidator(_name)]
Seconds = Annotated[float, BeforeValidator(parse_seconds)]
Time = Annotated[Seconds, Field(gt=0)]
Beat = Annotated[Seconds, Field(ge=0.001)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finality = Annotated[str | int, BeforeValidator(parse_finality)]
StartBlock = Annotated[str | int, BeforeValidator(parse_start_block)]
Address = Annotated[str, BeforeValidator(parse_address)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(parse_addresses)]
ConfigPath = Annotated[Path, AfterValidator(_against_folder)]
ConfigFile = Annotated[Path, AfterValidator(_against_folder), AfterValidator(_readable)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Table(BaseModel):
    """One table of the config file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def secret_from(value: object, info: ValidationInfo) -> object:
    """The secret itself, else what its `…_file` sibling holds, without the newline at its end."""
    file = info.data.get(f"{info.field_name}_file")
    if file is None:
        return value
    if value not in (None, SecretStr("")):
        raise ValueError(f"either this key or {info.field_name}_file, not both")
    return Path(file).read_text().rstrip("\r\n")


class DatabaseSettings(Table):
    """Where the data lives; without a url an embedded Postgres under `data_dir`."""

    url_file: ConfigFile | None = Field(None, description="A file with the url.")
    url: SecretStr | None = Field(
        None, description="`postgresql://user@host:5432/database`; left out, an embedded Postgres."
    )
    pool_size: Annotated[int, Field(ge=1, le=100)] = Field(8, description="Most connections of one process.")

    _url = field_validator("url", mode="before")(secret_from)

    @field_validator("url", mode="after")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"postgres(ql)?://", value.get_secret_value()):
            raise ValueError("an address such as postgresql://user@host:5432/database")
        return value


class EndpointSettings(Table):
    """One JSON-RPC endpoint of a chain; its name is what logs and metrics show."""

    name: Annotated[str, AfterValidator(_endpoint_name)] = Field(description="As logs and metrics call it.")
    url_file: ConfigFile | None = Field(None, description="A file with the url.")
    url: SecretStr = Field(SecretStr(""), description="`https://…`, with its key if it has one.")
    ws_file: ConfigFile | None = Field(None, description="A file with the WebSocket.")
    ws: SecretStr | None = Field(None, description="A WebSocket that tells of new heads sooner; polling goes on.")
    requests_per_second: Rate | None = Field(
        None, description="Never ask faster; without it the endpoint's own complaints set the pace."
    )
    at_once: Annotated[int, Field(ge=1, le=256)] = Field(16, description="Most requests under way together.")
    timeout: Time = Field(30.0, description="Give up a request after this.")

    _url = field_validator("url", "ws", mode="before")(secret_from)

    @field_validator("ws", mode="after")
    @classmethod
    def _is_ws(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"wss?://[^\s/]+", value.get_secret_value()):
            raise ValueError("a ws:// or wss:// address (or ws_file)")
        return value

    @field_validator("url", mode="after")
    @classmethod
    def _is_http(cls, value: SecretStr) -> SecretStr:
        if not _is_url(value.get_secret_value()):
            raise ValueError("an http:// or https:// address (or url_file)")
        return value


class ChainSettings(Table):
    """One EVM chain and how it is reached."""

    rpc: Annotated[tuple[EndpointSettings, ...], Some]
    chain_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = Field(
        None, description="Endpoints of another chain are refused; without it the majority of the endpoints decides."
    )
    finality: Finality = Field(
        "finalized",
        description="The chain's own tag, or a depth (0: no forks); where no endpoint knows the tag, 64 blocks.",
    )
    blooms: bool = Field(True, description="Doubt empty answers that a header's bloom denies.")
    cross_check: bool = Field(
        False,
        description="Store only logs that a second endpoint confirms, or receipts prove; for twice the requests.",
    )
    poll: Beat = Field(1.0, description="How often the tip is asked for.")
    lag_threshold: Time = Field(300.0, description="The delay from which the alerts count the chain as behind.")

    @field_validator("rpc", mode="after")
    @classmethod
    def _told_apart(cls, value: tuple[EndpointSettings, ...]) -> tuple[EndpointSettings, ...]:
        often = [name for name, count in Counter(one.name for one in value).items() if count > 1]
        if often:
            raise ValueError(f"a name of its own for each endpoint; {', '.join(often)} is there more than once")
        return value


class ProtocolSettings(Table):
    """One protocol folder, applied to one chain; what is given here overrides its protocol.toml."""

    path: ConfigPath = Field(description="The protocol folder: ABIs, views, figures.")
    chain: str = Field(description="A name under `[chains]`.")
    addresses: dict[str, Addresses] = Field(
        {}, description="For each contract its address or addresses, in place of those in protocol.toml."
    )
    start_block: StartBlock | None = Field(
        None, description='The first block to index; `"auto"` looks for the deployment.'
    )


class FeedSettings(Table):
    """One price series. A table named like one of the sources holds that source's parameters.

    Distances are in bps, `min_sources` counts independent groups, `max_jump_bps = 0` switches the jump guard off.
    """

    sources: Annotated[tuple[str, ...], Some] = Field(description="Whom to ask: venues, and kinds of on-chain source.")
    max_deviation_bps: Annotated[Decimal, Field(gt=0)] = Field(
        Decimal(150), description="How far sources may be apart; exactly that passes."
    )
    min_sources: Annotated[int, Field(ge=1)] = Field(2, description="The quorum, in independent groups.")
    on_outlier: Literal["drop", "refuse"] = Field("drop", description='`"refuse"`: one outlier stops the feed.')
    every: Beat = Field(5.0, description="Time between rounds.")
    timeout: Time = Field(2.0, description="A round's deadline.")
    heartbeat: Time = Field(60.0, description="The longest silence allowed.")
    required: bool = Field(True, description="Whether its silence makes the oracle unready.")
    max_age: Time = Field(60.0, description="The oldest quote, by the venue's own time.")
    min_price: Annotated[Decimal, Field(gt=0)] | None = Field(None, description="Prices below are refused.")
    max_price: Annotated[Decimal, Field(gt=0)] | None = Field(None, description="Prices above are refused.")
    max_jump_bps: Annotated[Decimal, Field(ge=0)] = Field(
        Decimal(3000), description="A larger jump is refused until it proves to stay; 0 switches this off."
    )
    jump_window: Seconds = Field(120.0, description="How old the price may be that a jump is measured from.")
    reseed_rounds: Annotated[int, Field(ge=1)] = Field(
        3, description="After so many rounds at the new level a jump is believed."
    )
    frozen_after: Seconds = Field(60.0, description="An unchanged quote is suspect after this.")
    frozen_moved_bps: Annotated[Decimal, Field(gt=0)] = Field(
        Decimal(30), description="… when the others have moved by this."
    )
    cache: Seconds = Field(300.0, description="How long the last good price is repeated, marked as cached.")
    publish_deviation_bps: Annotated[Decimal, Field(ge=0)] = Field(
        Decimal(0), description="Publish only what moved by this, or after the heartbeat."
    )
    parameters: dict[str, dict[str, Any]] = {}

    @field_validator("max_price", mode="after")
    @classmethod
    def _above(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        least = info.data.get("min_price")
        if value is not None and least is not None and value <= least:
            raise ValueError(f"more than min_price, which is {least}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _collect_parameters(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("sources"), (list, tuple)):
            return data
        tables = {k: v for k, v in data.items() if k in data["sources"] and isinstance(v, dict)}
        rest = {k: v for k, v in data.items() if k not in tables}
        return rest | ({"parameters": tables} if tables else {})


class VenueSettings(Table):
    """An exchange; its base_url is left out for the real one.

    `type` names the kind of source when the table's name is another one; `type = "http"` describes a venue by `path`,
    `price`, `time` and so on. `transport = "stream"` listens to the venue's push channel and asks
    only while that is silent.
    """

    type: str | None = Field(
        None, description='The kind of venue when the name is another one; `"http"` for one described here.'
    )
    base_url: Annotated[str, AfterValidator(_http)] | None = Field(
        None, description="Another host; left out, the real one."
    )
    stream_url: str | None = Field(None, description="Another host of the push channel.")
    transport: Literal["rest", "stream"] = Field(
        "rest", description='`"stream"` listens, and asks only while that is silent.'
    )
    token_file: ConfigFile | None = Field(None, description="A file with the key.")
    token: SecretStr | None = Field(None, description="A key, sent as a header.")
    requests: Annotated[int, Field(ge=1)] | None = Field(None, description="Your own budget: requests …")
    per: Time | None = Field(None, description="… in this time.")
    dollar: str | None = Field(None, description='What its markets are quoted in: `"USD"`, `"USDT"`.')
    standing: Literal["independent", "derivative"] | None = Field(
        None, description='`"derivative"`: it repeats others and adds nothing to a quorum.'
    )
    path: str | None = Field(None, description='Kind `"http"`: the path, with `{symbol}`.')
    price: str | None = Field(
        None, description='Kind `"http"`: where the price is in the answer, such as `data.0.last`.'
    )
    time: str | None = Field(None, description='Kind `"http"`: where the price\'s own time is.')
    time_unit: Literal["s", "ms", "us", "ns", "iso"] = Field("s", description='Kind `"http"`: its unit.')
    echo: str | None = Field(None, description='Kind `"http"`: where the symbol is repeated.')
    volume: str | None = Field(None, description='Kind `"http"`: where the volume is.')
    sequence: str | None = Field(None, description='Kind `"http"`: where the id of the trade is.')
    headers: dict[str, str] = Field({}, description="Sent with every request.")

    _token = field_validator("token", mode="before")(secret_from)


class AuthSettings(Table):
    """Who may read a surface. Files are read again when they change."""

    kind: Literal["none", "bearer", "basic"] = Field("none", description="How a reader proves who it is.")
    token_file: ConfigFile | None = Field(None, description="The bearer tokens, one a line; all are valid.")
    user: str | None = Field(None, description='The name for `"basic"`.')
    password_file: ConfigFile | None = Field(
        None, description='The passwords for `"basic"`, one a line; all are valid.'
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "bearer" and self.token_file is None:
            raise ValueError('token_file beside kind = "bearer"')
        if self.kind == "basic" and (self.user is None or self.password_file is None):
            raise ValueError('user and password_file beside kind = "basic"')
        return self


class TlsSettings(Table):
    """Serve over TLS; with client_ca_file only to clients whose certificate it signed."""

    cert_file: ConfigFile = Field(description="The certificate with its chain, PEM.")
    key_file: ConfigFile = Field(description="Its key, PEM.")
    client_ca_file: ConfigFile | None = Field(None, description="Only clients whose certificate this authority signed.")


class WorkerSettings(Table):
    """Where one worker serves its own /metrics, /healthz and /readyz."""

    host: Annotated[str, AfterValidator(_host)] = Field("127.0.0.1", description="The address to listen on.")
    port: Port = Field(description="The port to listen on; 0 takes a free one.")
    metrics_auth: AuthSettings = AuthSettings()
    tls: TlsSettings | None = None


class IndexerSettings(WorkerSettings):
    """The indexer process."""

    port: Port = Field(9101, description="The port to listen on; 0 takes a free one.")


class OracleSettings(WorkerSettings):
    """The oracle process; quotes and observations are kept for `retention`, by whole days."""

    port: Port = Field(9102, description="The port to listen on; 0 takes a free one.")
    retention: Annotated[Seconds, Field(ge=86400)] = Field(
        30 * 86400.0, description="How long quotes and observations are kept, by whole days."
    )
    max_block_age: Time = Field(120.0, description="Answers of an older block are refused.")


def _is_place(text: str) -> bool:
    return re.fullmatch(r"https?://[^\s/@]+(/\S*)?", text) is not None and _is_url(text)


def parse_places(value: object, info: ValidationInfo) -> tuple[str, ...]:
    """Where a worker is found: `http://host:port`, `dns+http://name:port` or `file:targets.json`, or a list of them.
    The file's path is relative to the config's folder, as all others are."""
    places = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for place in places:
        if not isinstance(place, str) or not (re.fullmatch(r"file:.+", place) or _is_place(place.removeprefix("dns+"))):
            raise ValueError('"http://host:port", "dns+http://name:port" or "file:targets.json", or a list of them')
    return tuple(
        f"file:{_against_folder(Path(place.removeprefix('file:')), info)}" if place.startswith("file:") else place
        for place in places
    )


class AggregatorSettings(WorkerSettings):
    """The aggregator process. `workers` says for each service where its exposition is found; left out, the workers of
    this very config. `instance` is how a scraper calls us; `rate` is requests a second for each client of the API."""

    port: Port = Field(3001, description="The port to listen on; 0 takes a free one.")
    workers: dict[str, Annotated[tuple[str, ...], BeforeValidator(parse_places)]] = Field(
        {},
        description="For each service where its exposition is found: `http://host:port`; `dns+http://name:port`, every "
        "address of that name; `file:targets.json`, a list in Prometheus's `file_sd` format, read again when it "
        "changes. Left out, the workers of this config.",
    )
    workers_auth: AuthSettings = AuthSettings()
    workers_ca_file: ConfigFile | None = Field(None, description="The authority of the workers' certificates.")
    workers_cert_file: ConfigFile | None = Field(
        None, description="Our certificate with its chain, PEM, for workers that want one (`client_ca_file`)."
    )
    workers_key_file: ConfigFile | None = Field(None, description="Its key, PEM.")
    instance: str | None = Field(None, description="How a scraper calls us; left out, host and port.")
    refresh_every: Time | None = Field(
        None, description="The period of all business figures, in place of each one's own."
    )
    api_auth: AuthSettings = AuthSettings()
    webhook_auth: AuthSettings = AuthSettings()
    rate: Rate = Field(200.0, description="Requests a second that one client of the API may make.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.workers_cert_file is None) != (self.workers_key_file is None):
            raise ValueError("workers_cert_file and workers_key_file together")
        return self


class LogSettings(Table):
    """How much is logged, and in which shape; `auto` is JSON unless stdout is a terminal."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description='`"auto"` is JSON unless stdout is a terminal.'
    )


class Settings(Table):
    """The whole config."""

    database: DatabaseSettings = DatabaseSettings()
    chains: dict[Name, ChainSettings] = {}
    protocols: dict[Name, ProtocolSettings] = {}
    feeds: dict[str, FeedSettings] = {}
    venues: dict[Name, VenueSettings] = {}
    indexer: IndexerSettings = IndexerSettings()
    oracle: OracleSettings = OracleSettings()
    aggregator: AggregatorSettings = AggregatorSettings()
    log: LogSettings = LogSettings()
    data_dir: Annotated[ConfigPath, Field(validate_default=True)] = Field(
        Path(".usdx"), description="Where the embedded Postgres and other files of ours live."
    )
    _file: str = PrivateAttr("configuration")
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any) -> None:
        """Keep where the settings come from: `file`, and `origins` of the keys that the environment gave."""
        if isinstance(context, dict):
            self._file = context.get("file", self._file)
            self._origins = context.get("origins", self._origins)

    def origin(self, key: str) -> str:
        """The file, or the variable, that a key such as `chains.base.poll` comes from."""
        found = (name for at, name in self._origins.items() if re.match(rf"{re.escape(at)}(?![^.[])", key))
        return next(found, self._file)
