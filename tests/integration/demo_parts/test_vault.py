"""The vault keeps its rules on a real chain: each is refused by name when broken."""

import pytest

from demo.deploy import RESERVE_USD
from tests.integration.demo_parts.world import ADMIN, ANN, BEN, CAT, MONTH_S, USD, YEAR_S, World

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOBODY = "0x" + "00" * 20
TERM_S = 12 * MONTH_S  # of pool 1, which pays 1,800 bp


async def balanced(world: World) -> bool:
    """Whether the vault's money is what its books say."""
    books = [await world.ask(world.vault, name) for name in ("totalValueLocked", "loansOutstanding", "reserve")]
    return await world.balance(world.vault.address) == books[0] - books[1] + books[2]


class TestPools:
    async def test_the_admin_creates_pools_numbered_from_one(self, world: World) -> None:
        """A new pool gets the next number and says its terms."""
        count = await world.ask(world.vault, "poolCount")
        events = await world.act(ADMIN, world.vault, "createPool", 3_600, 36)
        assert events == [("PoolCreated", {"poolId": count + 1, "apyBp": 3_600, "lockMonths": 36})]

    async def test_nobody_else_creates_pools(self, world: World) -> None:
        """Only the admin decides what is paid."""
        assert await world.refused(ANN, world.vault, "createPool", 1_800, 12) == "not the admin"

    @pytest.mark.parametrize(("apy_bp", "months"), [(1_799, 12), (3_601, 12)])
    async def test_yield_stays_within_18_and_36_percent(self, world: World, apy_bp: int, months: int) -> None:
        """No pool pays less than 18 % or more than 36 % a year."""
        assert await world.refused(ADMIN, world.vault, "createPool", apy_bp, months) == "apy out of range"

    @pytest.mark.parametrize("months", [11, 37])
    async def test_terms_stay_within_12_and_36_months(self, world: World, months: int) -> None:
        """No pool locks for less than 12 or more than 36 months."""
        assert await world.refused(ADMIN, world.vault, "createPool", 1_800, months) == "lock out of range"

    async def test_the_market_is_set_once(self, world: World) -> None:
        """Nobody, not even the admin, can put another marketplace in charge of listed wexels."""
        assert await world.refused(ADMIN, world.vault, "setMarket", ANN) == "market already set"
        assert await world.refused(ANN, world.vault, "setMarket", ANN) == "not the admin"


class TestDeposit:
    async def test_a_deposit_mints_a_wexel(self, world: World) -> None:
        """The depositor owns a new wexel with the pool's yield that matures when the pool's term has passed."""
        events = await world.act(ANN, world.vault, "deposit", 2, 2_500 * USD + 7)
        now = await world.node.time()
        assert events == [
            ("Transfer", {"sender": NOBODY, "receiver": ANN, "tokenId": 1}),
            (
                "WexelCreated",
                {
                    "id": 1,
                    "owner": ANN,
                    "poolId": 2,
                    "principalUsd": 2_500 * USD + 7,
                    "apyBp": 2_100,
                    "maturesAt": now + 15 * MONTH_S,
                },
            ),
        ]
        assert await world.ask(world.vault, "ownerOf", 1) == ANN

    async def test_a_deposit_shows_in_every_figure(self, world: World) -> None:
        """Value locked, counts, volume, users and time follow each deposit, in total and by pool."""
        await world.deposit(ANN, 1_000, pool=1)
        await world.deposit(ANN, 500, pool=2)
        await world.deposit(BEN, 200, pool=2)
        figures = {
            "totalValueLocked": 1_700 * USD,
            "activeWexels": 3,
            "totalDeposits": 3,
            "depositsVolume": 1_700 * USD,
            "totalUsers": 2,
            "lastDepositAt": await world.node.time(),
        }
        assert {name: await world.ask(world.vault, name) for name in figures} == figures
        assert [await world.ask(world.vault, "poolValueLocked", pool) for pool in (1, 2, 3)] == [
            1_000 * USD,
            700 * USD,
            0,
        ]
        assert await balanced(world)

    async def test_there_must_be_such_a_pool(self, world: World) -> None:
        """Money for a pool that does not exist is refused."""
        assert await world.refused(ANN, world.vault, "deposit", 0, 1_000 * USD) == "no such pool"
        assert await world.refused(ANN, world.vault, "deposit", 99, 1_000 * USD) == "no such pool"

    async def test_less_than_100_dollars_is_refused(self, world: World) -> None:
        """The smallest deposit is 100 USD, to the last millionth."""
        assert await world.refused(ANN, world.vault, "deposit", 1, 100 * USD - 1) == "below the minimum"
        assert await world.node.refusal(ANN, world.vault, "deposit", 1, 100 * USD) is None

    async def test_who_cannot_pay_gets_nothing(self, world: World) -> None:
        """Without money or allowance there is no wexel."""
        assert await world.refused(ADMIN, world.vault, "deposit", 1, 1_000 * USD) == "balance too small"
        await world.act(ANN, world.usdt, "approve", world.vault.address, 0)
        assert await world.refused(ANN, world.vault, "deposit", 1, 1_000 * USD) == "allowance too small"


class TestYield:
    async def test_yield_is_simple_interest_by_the_second(self, world: World) -> None:
        """After a third of a year a wexel of 18 % has earned 6 %, rounded down to a millionth."""
        wexel = await world.deposit(ANN, 1_000)
        await world.after(YEAR_S // 3)
        assert await world.ask(world.vault, "pendingYield", wexel) == 60 * USD

    async def test_anybody_may_book_a_yield(self, world: World) -> None:
        """Booking moves no money; it only writes down what was earned."""
        wexel = await world.deposit(ANN, 1_000)
        created = await world.node.time()
        await world.after(100)
        events = await world.act(CAT, world.vault, "accrue", wexel)
        elapsed = await world.node.time() - created
        assert events == [
            ("Accrued", {"wexelId": wexel, "amountUsd": 1_000 * USD * 1_800 * elapsed // (10_000 * YEAR_S)})
        ]
        assert await balanced(world)

    async def test_nothing_is_booked_twice(self, world: World) -> None:
        """What was booked is not earned again, and nothing is earned after maturity."""
        wexel = await world.deposit(ANN, 1_000)
        await world.after(TERM_S + 5 * YEAR_S)
        await world.act(CAT, world.vault, "accrue", wexel)
        assert await world.ask(world.vault, "pendingYield", wexel) == 180 * USD
        assert await world.refused(CAT, world.vault, "accrue", wexel) == "nothing to accrue"

    async def test_there_must_be_such_a_wexel(self, world: World) -> None:
        """What was never minted earns nothing."""
        assert await world.refused(CAT, world.vault, "accrue", 1) == "no such wexel"

    async def test_the_owner_claims_to_any_address(self, world: World) -> None:
        """A claim pays the whole yield to whomever the owner names, and says so."""
        wexel = await world.deposit(ANN, 1_000)
        before = await world.balance(CAT)
        await world.after(TERM_S)
        events = await world.act(ANN, world.vault, "claim", wexel, CAT)
        assert events == [
            ("Accrued", {"wexelId": wexel, "amountUsd": 180 * USD}),
            ("Claimed", {"wexelId": wexel, "to": CAT, "amountUsd": 180 * USD}),
        ]
        assert await world.balance(CAT) == before + 180 * USD
        assert await balanced(world)
        assert await world.refused(ANN, world.vault, "claim", wexel, ANN) == "nothing to claim"

    async def test_nobody_claims_for_another(self, world: World) -> None:
        """Yield belongs to the owner."""
        wexel = await world.deposit(ANN)
        await world.after(100)
        assert await world.refused(BEN, world.vault, "claim", wexel, BEN) == "not the owner"
        assert await world.refused(ANN, world.vault, "claim", wexel, NOBODY) == "no receiver"

    async def test_yields_come_out_of_the_reserve_only(self, world: World) -> None:
        """A reserve that is too small stops claims; principals are never touched for them."""
        await world.act(ADMIN, world.usdt, "mint", ANN, RESERVE_USD)
        await world.act(ANN, world.vault, "deposit", 6, RESERVE_USD)
        await world.after(3 * YEAR_S)  # three years of 36 % are more than the principal
        assert await world.refused(ANN, world.vault, "claim", 1, ANN) == "reserve too small"
        assert await world.refused(ANN, world.vault, "redeem", 1) == "reserve too small"
        await world.act(ADMIN, world.usdt, "mint", ADMIN, RESERVE_USD)
        await world.act(ADMIN, world.vault, "fund", RESERVE_USD)
        assert await world.node.refusal(ANN, world.vault, "claim", 1, ANN) is None


class TestBoost:
    async def test_a_boost_raises_the_yield_from_now_on(self, world: World) -> None:
        """It costs one year of the extra yield, goes to the reserve, and books what was earned before."""
        wexel = await world.deposit(ANN, 1_000)
        reserve = await world.ask(world.vault, "reserve")
        created = await world.node.time()
        await world.node.rpc.call("evm_setNextBlockTimestamp", [created + TERM_S // 2])
        events = await world.act(ANN, world.vault, "boost", wexel, 300)
        assert events == [
            ("Accrued", {"wexelId": wexel, "amountUsd": 90 * USD}),
            ("BoostApplied", {"wexelId": wexel, "apyBoostBp": 300, "valueUsd": 30 * USD}),
        ]
        assert await world.ask(world.vault, "reserve") == reserve + 30 * USD
        await world.at(created + TERM_S)
        assert await world.ask(world.vault, "pendingYield", wexel) == (90 + 105) * USD
        assert await balanced(world)

    async def test_boosts_add_up_to_500_bp_and_no_further(self, world: World) -> None:
        """The cap holds for one boost and for their sum."""
        wexel = await world.deposit(ANN)
        assert await world.refused(ANN, world.vault, "boost", wexel, 501) == "boost over the cap"
        assert await world.refused(ANN, world.vault, "boost", wexel, 65_535) == "boost over the cap"
        await world.act(ANN, world.vault, "boost", wexel, 499)
        assert await world.refused(ANN, world.vault, "boost", wexel, 2) == "boost over the cap"
        await world.act(ANN, world.vault, "boost", wexel, 1)
        assert await world.refused(ANN, world.vault, "boost", wexel, 1) == "boost over the cap"

    async def test_only_the_owner_boosts_a_running_wexel(self, world: World) -> None:
        """Not another, not by nothing, and not after maturity."""
        wexel = await world.deposit(ANN)
        assert await world.refused(BEN, world.vault, "boost", wexel, 100) == "not the owner"
        assert await world.refused(ANN, world.vault, "boost", wexel, 0) == "no boost"
        await world.after(TERM_S)
        assert await world.refused(ANN, world.vault, "boost", wexel, 100) == "matured"


class TestLoan:
    async def test_a_loan_of_60_percent(self, world: World) -> None:
        """The owner borrows up to 60 % of the principal, to the last millionth, and the figures follow."""
        await world.act(ANN, world.vault, "deposit", 1, 1_000 * USD + 1)
        before = await world.balance(ANN)
        assert await world.ask(world.vault, "borrowLimit", 1) == 600 * USD
        assert await world.refused(ANN, world.vault, "collateralize", 1, 600 * USD + 1) == "loan over the limit"
        events = await world.act(ANN, world.vault, "collateralize", 1, 600 * USD)
        assert events == [("Collateralized", {"wexelId": 1, "loanUsd": 600 * USD})]
        assert await world.balance(ANN) == before + 600 * USD
        figures = {
            "loansOutstanding": 600 * USD,
            "collateralizedWexels": 1,
            "collateralValue": 1_000 * USD + 1,
            "totalValueLocked": 1_000 * USD + 1,
            "activeWexels": 1,
        }
        assert {name: await world.ask(world.vault, name) for name in figures} == figures
        assert await balanced(world)

    async def test_one_loan_at_a_time_to_the_owner_before_maturity(self, world: World) -> None:
        """No second loan on a wexel, none to another, none of nothing, none after maturity."""
        wexel = await world.deposit(ANN)
        assert await world.refused(BEN, world.vault, "collateralize", wexel, USD) == "not the owner"
        assert await world.refused(ANN, world.vault, "collateralize", wexel, 0) == "no loan"
        await world.act(ANN, world.vault, "collateralize", wexel, USD)
        assert await world.refused(ANN, world.vault, "collateralize", wexel, USD) == "collateralized"
        other = await world.deposit(ANN)
        await world.after(TERM_S)
        assert await world.refused(ANN, world.vault, "collateralize", other, USD) == "matured"

    async def test_collateral_stays_where_it_is(self, world: World) -> None:
        """A collateralized wexel can be neither transferred, listed nor redeemed; its yield is still the owner's."""
        wexel = await world.deposit(ANN)
        await world.act(ANN, world.vault, "collateralize", wexel, USD)
        assert await world.refused(ANN, world.vault, "transferFrom", ANN, BEN, wexel) == "collateralized"
        assert await world.refused(ANN, world.vault, "safeTransferFrom", ANN, BEN, wexel) == "collateralized"
        assert await world.refused(ANN, world.market, "list", wexel, USD) == "collateralized"
        await world.after(TERM_S)
        assert await world.refused(ANN, world.vault, "redeem", wexel) == "collateralized"
        assert await world.node.refusal(ANN, world.vault, "claim", wexel, ANN) is None

    async def test_repaying_frees_the_wexel(self, world: World) -> None:
        """The owner repays the whole loan, also after maturity, and may then redeem or borrow again."""
        wexel = await world.deposit(ANN)
        await world.act(ANN, world.vault, "collateralize", wexel, 250 * USD)
        assert await world.refused(BEN, world.vault, "repay", wexel) == "not the owner"
        await world.after(TERM_S)
        events = await world.act(ANN, world.vault, "repay", wexel)
        assert events == [("LoanRepaid", {"wexelId": wexel, "loanUsd": 250 * USD})]
        assert await world.refused(ANN, world.vault, "repay", wexel) == "not collateralized"
        assert await world.node.refusal(ANN, world.vault, "redeem", wexel) is None
        figures = {"loansOutstanding": 0, "collateralizedWexels": 0, "collateralValue": 0}
        assert {name: await world.ask(world.vault, name) for name in figures} == figures
        assert await balanced(world)


class TestRedeem:
    async def test_redeeming_pays_everything_and_burns(self, world: World) -> None:
        """After maturity the owner gets principal and unclaimed yield; the wexel is gone, the user is remembered."""
        before = await world.balance(ANN)
        wexel = await world.deposit(ANN, 1_000)
        await world.after(TERM_S + 1)
        events = await world.act(ANN, world.vault, "redeem", wexel)
        assert events == [
            ("Accrued", {"wexelId": wexel, "amountUsd": 180 * USD}),
            ("Claimed", {"wexelId": wexel, "to": ANN, "amountUsd": 180 * USD}),
            ("Transfer", {"sender": ANN, "receiver": NOBODY, "tokenId": wexel}),
            ("Redeemed", {"wexelId": wexel, "principalUsd": 1_000 * USD}),
        ]
        assert await world.balance(ANN) == before + 180 * USD
        figures = {"totalValueLocked": 0, "activeWexels": 0, "totalDeposits": 1, "totalUsers": 1}
        assert {name: await world.ask(world.vault, name) for name in figures} == figures
        assert await world.ask(world.vault, "poolValueLocked", 1) == 0
        assert await world.ask(world.vault, "pendingYield", wexel) == 0
        assert await balanced(world)

    async def test_not_a_second_before_maturity(self, world: World) -> None:
        """The term is the pool's months of the vault's month, to the second."""
        wexel = await world.deposit(ANN)
        created = await world.node.time()
        await world.at(created + TERM_S - 1)
        assert await world.refused(ANN, world.vault, "redeem", wexel) == "not matured"
        await world.at(created + TERM_S)
        assert await world.node.refusal(ANN, world.vault, "redeem", wexel) is None

    async def test_only_once_and_only_by_the_owner(self, world: World) -> None:
        """A burnt wexel answers to nobody."""
        wexel = await world.deposit(ANN)
        await world.after(TERM_S)
        assert await world.refused(BEN, world.vault, "redeem", wexel) == "not the owner"
        await world.act(ANN, world.vault, "redeem", wexel)
        for function, arguments in (
            ("redeem", ()),
            ("claim", (ANN,)),
            ("boost", (1,)),
            ("collateralize", (USD,)),
            ("repay", ()),
            ("accrue", ()),
        ):
            assert await world.refused(ANN, world.vault, function, wexel, *arguments) == "no such wexel"


class TestToken:
    async def test_wexels_move_like_any_erc721(self, world: World) -> None:
        """The owner, an operator and an approved address may move a wexel; approval ends with the move."""
        wexel = await world.deposit(ANN)
        assert await world.refused(BEN, world.vault, "transferFrom", ANN, BEN, wexel) == "not allowed"
        await world.act(ANN, world.vault, "approve", BEN, wexel)
        events = await world.act(BEN, world.vault, "transferFrom", ANN, CAT, wexel)
        assert events == [("Transfer", {"sender": ANN, "receiver": CAT, "tokenId": wexel})]
        assert await world.ask(world.vault, "getApproved", wexel) == NOBODY
        assert await world.refused(BEN, world.vault, "transferFrom", CAT, BEN, wexel) == "not allowed"
        await world.act(CAT, world.vault, "setApprovalForAll", BEN, True)
        await world.act(BEN, world.vault, "safeTransferFrom", CAT, BEN, wexel)
        owners = [await world.ask(world.vault, "balanceOf", who) for who in (ANN, BEN, CAT)]
        assert owners == [0, 1, 0]
        assert await world.ask(world.vault, "totalUsers") == 3

    async def test_what_a_move_must_name(self, world: World) -> None:
        """The sender must be the owner, the receiver somebody, the wexel one that exists."""
        wexel = await world.deposit(ANN)
        assert await world.refused(ANN, world.vault, "transferFrom", BEN, CAT, wexel) == "not the owner"
        assert await world.refused(ANN, world.vault, "transferFrom", ANN, NOBODY, wexel) == "no receiver"
        assert await world.refused(ANN, world.vault, "transferFrom", ANN, BEN, 99) == "no such wexel"
        assert await world.refused(BEN, world.vault, "approve", BEN, wexel) == "not the owner"

    async def test_a_contract_that_cannot_hold_wexels_gets_none(self, world: World) -> None:
        """safeTransferFrom asks a contract first, as ERC-721 demands."""
        wexel = await world.deposit(ANN)
        assert (
            await world.node.refusal(ANN, world.vault, "safeTransferFrom", ANN, world.usdt.address, wexel) is not None
        )

    async def test_it_says_what_it_is(self, world: World) -> None:
        """ERC-165: itself, ERC-721 and its metadata, and nothing else."""
        answers = {
            code: await world.ask(world.vault, "supportsInterface", bytes.fromhex(code))
            for code in ("01ffc9a7", "80ac58cd", "5b5e139f", "ffffffff")
        }
        assert answers == {"01ffc9a7": True, "80ac58cd": True, "5b5e139f": True, "ffffffff": False}
        wexel = await world.deposit(ANN)
        assert await world.ask(world.vault, "tokenURI", wexel) == "data:text/plain,Wexel%201"

    async def test_the_owner_of_a_wexel_has_its_rights(self, world: World) -> None:
        """Whoever received a wexel claims and redeems it, and the giver no longer does."""
        wexel = await world.deposit(ANN)
        await world.act(ANN, world.vault, "transferFrom", ANN, BEN, wexel)
        await world.after(TERM_S)
        assert await world.refused(ANN, world.vault, "redeem", wexel) == "not the owner"
        assert await world.node.refusal(BEN, world.vault, "redeem", wexel) is None
