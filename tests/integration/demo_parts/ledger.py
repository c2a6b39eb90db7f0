"""What a chain's events mean, worked out in plain Python: the test's own view of the protocol."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
NOBODY = "0x" + "00" * 20


@dataclass
class Ledger:
    """Everything the views say, from the same events, one after the other."""

    pools: dict[int, Row] = field(default_factory=dict)
    wexels: dict[int, Row] = field(default_factory=dict)
    loans: list[Row] = field(default_factory=list)
    listings: dict[int, Row] = field(default_factory=dict)
    trades: list[Row] = field(default_factory=list)
    users: dict[str, Row] = field(default_factory=dict)

    def read(self, name: str, given: dict[str, Any], at_s: int) -> None:
        """One event of a block of that time, in the order of the chain."""
        usd = {key: Decimal(value) / 10**6 for key, value in given.items() if key.endswith("Usd")}
        match name:
            case "PoolCreated":
                self.pools[given["poolId"]] = {
                    "apy_bp": given["apyBp"],
                    "lock_months": given["lockMonths"],
                    "value_locked_usd": Decimal(0),
                    "active_wexels": 0,
                    "deposits": 0,
                    "deposited_usd": Decimal(0),
                    "last_deposit_at": None,
                }
            case "Transfer":
                self._move(given, at_s)
            case "WexelCreated":
                self._create(given, usd["principalUsd"], at_s)
            case "BoostApplied":
                wexel = self.wexels[given["wexelId"]]
                wexel["boost_bp"] += given["apyBoostBp"]
                wexel["apy_bp"] += given["apyBoostBp"]
                wexel["boost_usd"] += usd["valueUsd"]
            case "Claimed":
                self.wexels[given["wexelId"]]["claimed_usd"] += usd["amountUsd"]
            case "Collateralized":
                self._borrow(given["wexelId"], usd["loanUsd"], at_s)
            case "LoanRepaid":
                self._repay(given["wexelId"], at_s)
            case "Redeemed":
                self._redeem(given["wexelId"], at_s)
            case "Listed":
                self._list(given, usd["askUsd"], at_s)
            case "Sold":
                self._close(given["listingId"], "sold", at_s, given["buyer"])
                seller = self.listings[given["listingId"]]["seller"]
                self.trades.append(
                    {
                        "listing_id": given["listingId"],
                        "wexel_id": given["wexelId"],
                        "seller": seller,
                        "buyer": given["buyer"],
                        "price_usd": usd["priceUsd"],
                        "traded_at": at_s,
                    }
                )
            case "ListingCancelled":
                self._close(given["listingId"], "cancelled", at_s, None)

    def _move(self, given: dict[str, Any], at_s: int) -> None:
        if given["receiver"] == NOBODY:
            return
        user = self.users.setdefault(
            given["receiver"], {"first_seen_at": at_s, "last_received_at": at_s, "wexels_received": 0, "deposits": 0}
        )
        user["last_received_at"] = at_s
        user["wexels_received"] += 1
        user["deposits"] += given["sender"] == NOBODY
        if given["tokenId"] in self.wexels:
            self.wexels[given["tokenId"]]["owner"] = given["receiver"]

    def _create(self, given: dict[str, Any], principal_usd: Decimal, at_s: int) -> None:
        self.wexels[given["id"]] = {
            "pool_id": given["poolId"],
            "owner": given["owner"],
            "state": "active",
            "principal_usd": principal_usd,
            "apy_bp": given["apyBp"],
            "boost_bp": 0,
            "boost_usd": Decimal(0),
            "claimed_usd": Decimal(0),
            "collateralized": False,
            "loan_usd": Decimal(0),
            "listing_id": None,
            "ask_usd": None,
            "created_at": at_s,
            "matures_at": given["maturesAt"],
            "redeemed_at": None,
        }
        pool = self.pools[given["poolId"]]
        pool["value_locked_usd"] += principal_usd
        pool["deposited_usd"] += principal_usd
        pool["active_wexels"] += 1
        pool["deposits"] += 1
        pool["last_deposit_at"] = at_s

    def _borrow(self, number: int, loan_usd: Decimal, at_s: int) -> None:
        wexel = self.wexels[number]
        wexel |= {"collateralized": True, "loan_usd": loan_usd}
        self.loans.append(
            {
                "wexel_id": number,
                "borrower": wexel["owner"],
                "loan_usd": loan_usd,
                "collateral_usd": wexel["principal_usd"],
                "state": "open",
                "opened_at": at_s,
                "repaid_at": None,
            }
        )

    def _repay(self, number: int, at_s: int) -> None:
        self.wexels[number] |= {"collateralized": False, "loan_usd": Decimal(0)}
        loan = next(loan for loan in self.loans if loan["wexel_id"] == number and loan["state"] == "open")
        loan |= {"state": "repaid", "repaid_at": at_s}

    def _redeem(self, number: int, at_s: int) -> None:
        wexel = self.wexels[number]
        wexel |= {"state": "redeemed", "redeemed_at": at_s}
        pool = self.pools[wexel["pool_id"]]
        pool["value_locked_usd"] -= wexel["principal_usd"]
        pool["active_wexels"] -= 1

    def _list(self, given: dict[str, Any], ask_usd: Decimal, at_s: int) -> None:
        self.listings[given["listingId"]] = {
            "wexel_id": given["wexelId"],
            "seller": given["seller"],
            "ask_usd": ask_usd,
            "state": "open",
            "buyer": None,
            "listed_at": at_s,
            "closed_at": None,
        }
        self.wexels[given["wexelId"]] |= {"listing_id": given["listingId"], "ask_usd": ask_usd}

    def _close(self, number: int, state: str, at_s: int, buyer: str | None) -> None:
        listing = self.listings[number]
        listing |= {"state": state, "closed_at": at_s, "buyer": buyer}
        self.wexels[listing["wexel_id"]] |= {"listing_id": None, "ask_usd": None}
