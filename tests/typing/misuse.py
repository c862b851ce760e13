"""Wrong uses of the generated accessors: every marked line must be rejected, and no other."""

from datetime import UTC, datetime

from shop import Address, Colour, Line
from state.order import Card, OrderSession, Part, Priority, Status
from state.shop import BasketSession, TicketSession

from mcp_sessions import SessionConflictError, Store, UntypedSession
from mcp_sessions.testing import MakeSession, RecordedSessions, SessionCall
from state.counter import CounterSession
from state.notes import Note, NotesSession
from state.preferences import PreferencesSession
from state.wizard import WizardSession


async def wrong_values(counter: CounterSession, wizard: WizardSession, preferences: PreferencesSession) -> None:
    await counter.set_counter("5")  # reject
    await counter.set_counter(None)  # reject
    await counter.increment_counter(1.5)  # reject
    await wizard.set_framework("react")  # reject
    await wizard.set_project_name(None)  # reject
    await preferences.set_verbose("yes")  # reject
    await counter.update_counter(lambda value: str(value))  # reject


async def wrong_keys(counter: CounterSession, wizard: WizardSession, name: str) -> None:
    await counter.get("count")  # reject
    await wizard.get("projectname")  # reject
    await wizard.get(name)  # reject
    await wizard.set("step", "two")  # reject
    await wizard.set("colour", "red")  # reject
    await wizard.has("colour")  # reject
    await wizard.remove("colour")  # reject
    await counter.get_count()  # reject
    CounterSession()  # reject


async def missing_none_checks(wizard: WizardSession) -> int:
    name = await wizard.get_project_name()
    first: str = await wizard.get("project_name")  # reject
    await wizard.set_project_name(first)
    return len(name)  # reject


async def wrong_items(notes: NotesSession) -> None:
    await notes.append_notes("text")  # reject
    await notes.append_notes(Note(text="x", created_at=datetime.now(UTC)))
    await notes.set_notes([1])  # reject
    for note in await notes.get_notes():
        print(note.txt)  # reject


async def not_for_this_kind(wizard: WizardSession, counter: CounterSession) -> None:
    await wizard.increment_framework()  # reject
    await counter.append_counter(1)  # reject


async def forgotten_await(counter: CounterSession) -> int:
    return counter.get_counter() + 1  # reject


async def not_json(session: UntypedSession) -> None:
    await session.set("when", datetime.now(UTC))  # reject
    await session.set(5, "x")  # reject


async def wrong_members(order: OrderSession) -> None:
    await order.set_status(Status.CLOSED)  # reject
    await order.set_status("open")  # reject
    await order.set("status", "paid")  # reject
    await order.set_priority(1)  # reject
    await order.set("priority", Status.OPEN)  # reject
    await order.set_status(Priority.LOW)  # reject
    await order.append_history("open")  # reject
    await order.set_history(["open"])  # reject
    await order.put_counts("open", 1)  # reject
    await order.pop_counts("open")  # reject
    level: int = await order.get_priority()  # reject
    await order.update_status(lambda status: "paid")  # reject
    print(level)


async def wrong_members_of_unions(order: OrderSession, part: Part) -> None:
    await order.set_payment(part)  # reject
    await order.set("payment", None)  # reject
    await order.append_payments({"kind": "card"})  # reject
    print(Card(kind="invoice", digits="1"))  # reject
    payment = await order.get_payment()
    print(payment.kind)  # reject
    if payment is not None:
        print(payment.digits)  # reject
        if payment.kind == "card":
            print(payment.days)  # reject
    await order.update_payment(lambda old: old)  # reject


async def wrong_parts(order: OrderSession) -> None:
    await order.set_part("x")  # reject
    await order.set_part(Part(parts=[]))  # reject
    await order.set("part", Card(digits="1"))  # reject
    part = await order.get_part()
    if part is not None:
        print(part.whole.name)  # reject
        print(part.parts[0].parts[0].title)  # reject
        part.parts.append("bolt")  # reject


async def wrong_items_where_items_have_constraints(order: OrderSession) -> None:
    await order.append_tags(5)  # reject
    await order.set("tags", [1])  # reject
    await order.put_scores("a", "b")  # reject
    await order.put_scores(1, 2)  # reject
    score: int = await order.pop_scores("a")  # reject
    print(score)


async def wrong_values_of_keys_with_options(order: OrderSession) -> None:
    await order.set_quote(1.5)  # reject
    await order.increment_quote(0.5)  # reject
    await order.set("quote", "1.50")  # reject
    await order.update_quote(lambda quote: quote + 1)  # reject
    await order.set_customer(None)  # reject
    await order.set("title", None)  # reject
    print((await order.get_customer()).upper())  # reject


async def wrong_first_values(store: Store) -> None:
    await OrderSession.create(store, values=["customer"])  # reject
    await OrderSession.create(store, values={1: "Ann"})  # reject
    await OrderSession.create(store, customer="Ann")  # reject
    await OrderSession.create(values={"customer": "Ann"})  # reject
    print(OrderSession.create(store).id)  # reject


async def wrong_values_for_the_users_own_types(basket: BasketSession, ticket: TicketSession, home: Address) -> None:
    await basket.set_owner("ann")  # reject
    await ticket.set_holder(None)  # reject
    await basket.set_colour("red")  # reject
    await basket.set("colour", Colour.GREEN)  # reject
    await basket.append_lines({"sku": "A"})  # reject
    await basket.append_lines(Line(sku=5))  # reject
    await basket.put_by_sku("A", home)  # reject
    await basket.get("bySku")  # reject
    await ticket.set("home", "Main St")  # reject
    print((await basket.snapshot()).colours)  # reject
    print((await ticket.snapshot()).home.street)  # reject
    print((await ticket.get_home()).street)  # reject


async def wrong_drafts(wizard: WizardSession, order: OrderSession, basket: BasketSession) -> None:
    async with wizard.transaction() as draft:
        draft.colour = "red"  # reject
        print(draft.projectname)  # reject
        draft.step = "two"  # reject
        draft.step = None  # reject
        draft.framework = "react"  # reject
        print(len(draft.project_name))  # reject
    async with order.transaction() as state:
        state.status = "paid"  # reject
        state.tags.append(5)  # reject
        state.counts["open"] = 3  # reject
        state.part.parts.clear()  # reject
    async with basket.transaction() as mine:
        mine.lines.append("A")  # reject
        mine.colour = "blue"  # reject


async def wrong_blocks(counter: CounterSession) -> None:
    with counter.transaction():  # reject
        pass
    async with counter.transact():  # reject
        pass
    print(counter.transaction().counter)  # reject


async def wrong_functions_for_transact(counter: CounterSession, wizard: WizardSession) -> None:
    def takes_an_int(draft: int) -> int:
        return draft

    await counter.transact(takes_an_int)  # reject
    await counter.transact(5)  # reject
    await counter.transact(lambda: 1)  # reject
    await counter.transact(lambda draft: draft.count)  # reject
    name: str = await wizard.transact(lambda draft: draft.project_name)  # reject
    print(name, counter.transact(lambda draft: draft.counter) + 1)  # reject
    print(counter.expires_at().year)  # reject


async def wrong_use_of_a_conflict(counter: CounterSession) -> None:
    try:
        await counter.transact(lambda draft: draft.counter)
    except SessionConflictError as conflict:
        print(conflict.current.counter)  # reject


async def not_json_in_a_draft(session: UntypedSession, when: datetime) -> None:
    async with session.transaction() as draft:
        draft["when"] = when  # reject
        draft[5] = "x"  # reject
        print(draft["n"] + 1)  # reject


async def wrong_use_of_fixtures(
    make_session: MakeSession, session_call: SessionCall, recorded_sessions: RecordedSessions
) -> None:
    await make_session("counter")  # reject
    await make_session(dict, counter=3)  # reject
    await (await make_session(CounterSession)).get_count()  # reject
    with session_call(era="2025-11-25"):  # reject
        make_session.using(user="ann")  # reject
    [counter] = await recorded_sessions("sessions.jsonl", CounterSession)
    await counter.set_counter("5")  # reject
