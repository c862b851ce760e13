"""Right uses of the generated accessors: no type checker may have anything to say here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_type

from hypothesis.strategies import SearchStrategy
from pydantic import JsonValue
from shop import Address, Basket, Colour, Line, UserId
from state.order import Card, Invoice, OrderSession, OrderState, Part, Priority, Status
from state.shop import BasketKey, BasketSession, TicketSession, TicketState

from mcp_sessions import SessionConflictError, Store, UntypedSession, open_store
from mcp_sessions.stores import SessionCopy
from mcp_sessions.testing import FakeClock, MakeSession, RecordedSessions, SessionCall
from mcp_sessions.testing.strategies import snapshots, states
from state.counter import CounterKey, CounterSession, CounterState
from state.notes import Note, NotesSession
from state.preferences import PreferencesSession
from state.wizard import WizardFramework, WizardSession, WizardState


async def counter_is_an_int(counter: CounterSession) -> None:
    assert_type(await counter.get_counter(), int)
    assert_type(await counter.increment_counter(2), int)
    assert_type(await counter.update_counter(lambda value: value + 1), int)
    assert_type(await counter.take_counter(), int | None)
    assert_type(await counter.get("counter"), int)
    assert_type(await counter.has("counter"), bool)
    assert_type(await counter.keys(), list[CounterKey])
    assert_type(await counter.snapshot(), CounterState)
    await counter.set("counter", 5)


async def a_key_without_a_default_may_be_none(wizard: WizardSession) -> None:
    assert_type(await wizard.get_step(), int)
    assert_type(await wizard.get_project_name(), str | None)
    assert_type(await wizard.get_framework(), WizardFramework | None)
    assert_type(await wizard.get("framework"), WizardFramework | None)
    await wizard.set_framework("nuxt")
    await wizard.set("framework", "svelte")
    name = await wizard.get_project_name()
    if name is not None:
        assert_type(name, str)
    state = await wizard.snapshot()
    assert_type(state, WizardState)
    assert_type(state.project_name, str | None)


async def a_list_is_appended_to(notes: NotesSession) -> None:
    await notes.append_notes(Note(text="x", created_at=datetime.now(UTC)))
    assert_type(await notes.get_notes(), list[Note])


async def an_accessor_is_made_in_many_ways(preferences: PreferencesSession) -> None:
    store = open_store("memory://")
    assert_type(await PreferencesSession.create(store), PreferencesSession)
    assert_type(PreferencesSession.open(store, preferences.id, owner=None), PreferencesSession)
    assert_type(PreferencesSession.current(), PreferencesSession)
    assert_type(preferences.store, Store)
    await preferences.set_verbose(True)
    assert_type(await preferences.end(), bool)


async def an_untyped_session_takes_json(session: UntypedSession) -> None:
    words: list[str] = ["a"]
    await session.set("anything", {"words": words, "n": 1.5, "none": None})
    await session.update("n", lambda value: [value])


async def enums_are_classes(order: OrderSession) -> None:
    assert_type(await order.get_status(), Status)
    assert_type(await order.get("status"), Status)
    assert_type(await order.get_priority(), Priority | None)
    await order.set_status(Status.PAID)
    await order.set("priority", Priority.HIGH)
    await order.append_history(Status.OPEN, Status.PAID)
    await order.put_counts(Status.OPEN, 3)
    assert_type(await order.pop_counts(Status.PAID), int | None)
    assert_type(await order.get_counts(), dict[Status, int])
    text: str = await order.get_status()
    number: int = Priority.LOW
    print(text, number)
    match await order.get_status():
        case Status.OPEN:
            print("open")
        case Status.PAID:
            print("paid")


async def a_union_is_told_apart_by_its_discriminator(order: OrderSession) -> None:
    await order.set_payment(Card(digits="1234"))
    await order.set("payment", Invoice(days=14))
    await order.append_payments(Invoice(), Card(kind="card", digits="1"))
    payment = await order.get_payment()
    assert_type(payment, Card | Invoice | None)
    if payment is None:
        return
    if payment.kind == "card":
        assert_type(payment, Card)
        print(payment.digits)
    else:
        assert_type(payment, Invoice)
        print(payment.days)
    for item in await order.get_payments():
        print(item.days if isinstance(item, Invoice) else item.digits)


async def a_type_may_use_itself(order: OrderSession) -> None:
    bolt = Part(name="bolt")
    await order.set_part(Part(name="door", parts=[bolt, Part(name="nut", whole=bolt)]))
    part = await order.get_part()
    if part is not None:
        assert_type(part.parts, list[Part])
        assert_type(part.whole, Part | None)
        assert_type(part.parts[0].parts[0].name, str)


async def constraints_inside_do_not_change_types(order: OrderSession) -> None:
    await order.append_tags("new")
    assert_type(await order.get_tags(), list[str])
    await order.put_scores("a", 1)
    assert_type(await order.get("scores"), dict[str, int])
    assert_type(await order.pop_scores("a"), int | None)
    assert_type(await order.update_scores(lambda scores: {**scores, "b": 2}), dict[str, int])


async def options_of_keys_do_not_change_types(order: OrderSession) -> None:
    assert_type(await order.get_quote(), Decimal | None)
    assert_type(await order.increment_quote(), Decimal)
    assert_type(await order.increment_quote(Decimal("0.5")), Decimal)
    await order.set("quote", Decimal(2))
    assert_type(await order.update_quote(lambda quote: (quote or Decimal(0)) + 1), Decimal)
    assert_type(await order.get_customer(), str | None)
    assert_type(await order.get("title"), str)
    assert_type(await order.take_title(), str | None)


async def the_users_own_types_are_imported(order: OrderSession) -> None:
    assert_type(await order.get_home(), Address | None)
    await order.set_home(Address(street="Main St"))
    await order.set_pair(None)
    await order.set("pair", (1, "x"))
    state = await order.snapshot()
    assert_type(state, OrderState)
    assert_type(state.home, Address | None)
    assert_type(state.status, Status)
    assert_type(state.payment, Card | Invoice | None)
    assert_type(state.tags, list[str])


async def a_bound_model_is_what_a_snapshot_is(basket: BasketSession, ticket: TicketSession) -> None:
    assert_type(await basket.snapshot(), Basket)
    assert_type(await basket.keys(), list[BasketKey])
    assert_type(await basket.get_owner(), UserId | None)
    assert_type(await basket.get("colour"), Colour)
    await basket.set_owner(UserId("ann"))
    await basket.set("colour", Colour.BLUE)
    await basket.append_lines(Line(sku="A"), Line(sku="B", qty=2))
    assert_type((await basket.get_lines())[0].qty, int)
    await basket.put_by_sku("A", Line(sku="A"))
    assert_type(await basket.pop_by_sku("A"), Line | None)
    assert_type(await basket.increment_visits(), int)
    assert_type(await ticket.get_holder(), UserId | None)
    assert_type(await ticket.get_home(), Address | None)
    state = await ticket.snapshot()
    assert_type(state, TicketState)
    assert_type(state.number, str | None)


async def a_session_may_begin_with_values(store: Store, given: Mapping[str, object]) -> None:
    assert_type(await OrderSession.create(store, values={"customer": "Ann"}), OrderSession)
    await OrderSession.create(store, values={"customer": "Ann", "payment": Card(digits="1"), "tags": ["new"]})
    await BasketSession.create(store, owner=None, idle="5m", values=given)


async def names_of_keys_may_come_from_keys(basket: BasketSession) -> None:
    for name in await basket.keys():
        print(await basket.get(name), await basket.has(name), await basket.remove(name))


async def a_draft_is_the_state_and_may_be_changed(
    wizard: WizardSession, order: OrderSession, basket: BasketSession
) -> int:
    async with wizard.transaction() as draft:
        assert_type(draft, WizardState)
        assert_type(draft.framework, WizardFramework | None)
        draft.step += 1
        draft.framework = "nuxt"
        draft.project_name = None
        del draft.framework
    async with order.transaction() as state:
        state.status = Status.PAID
        state.tags.append("new")
        state.counts[Status.OPEN] = 3
        state.home = Address(street="Main St")
        if state.part is not None:
            state.part.parts.append(Part(name="nut"))
    async with basket.transaction() as mine:
        assert_type(mine, Basket)
        mine.lines.append(Line(sku="A"))
        mine.colour = Colour.BLUE
        return mine.visits


async def transact_returns_what_the_function_does(counter: CounterSession, ticket: TicketSession) -> None:
    def step(draft: CounterState) -> str:
        draft.counter += 1
        return str(draft.counter)

    assert_type(await counter.transact(step), str)
    assert_type(await counter.transact(lambda draft: draft.counter), int)
    assert_type(await ticket.transact(lambda draft: draft.number), str | None)
    assert_type(await counter.expires_at(), datetime)


async def a_conflict_tells_what_is_there_now(counter: CounterSession) -> int | None:
    try:
        async with counter.transaction() as draft:
            draft.counter = 5
    except SessionConflictError as conflict:
        if isinstance(conflict.current, CounterState):
            return conflict.current.counter
    return None


async def an_untyped_draft_is_a_dict(session: UntypedSession) -> None:
    async with session.transaction() as draft:
        assert_type(draft, dict[str, JsonValue])
        draft["n"] = 1
        draft["words"] = ["a", {"b": None}]
        del draft["n"]
    assert_type(await session.transact(lambda draft: len(draft)), int)


async def fixtures_give_accessors(
    make_session: MakeSession, session_call: SessionCall, recorded_sessions: RecordedSessions, session_clock: FakeClock
) -> None:
    counter = await make_session(CounterSession, counter=3)
    assert_type(counter, CounterSession)
    assert_type(await make_session.using(owner="ann", idle="5m")(BasketSession), BasketSession)
    assert_type(await make_session(UntypedSession, {"two words": [1]}, owner="x"), UntypedSession)
    with session_call(counter, era="modern", owner=None, client="phone"):
        session_clock.advance("31m")
        session_clock.advance(1.5)
    assert_type(await recorded_sessions("sessions.jsonl", CounterSession), list[CounterSession])
    assert_type(await recorded_sessions("sessions.jsonl"), list[SessionCopy])
    assert_type(snapshots(CounterSession), SearchStrategy[CounterState])
    print(states(UntypedSession))
