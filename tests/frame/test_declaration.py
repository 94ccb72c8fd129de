"""Every mistake in a pallet's declaration has its own message."""

from typing import Never

import pytest

from tilth.frame import (
    AccountId,
    Const,
    DeclarationError,
    ErrorEnum,
    Pallet,
    Runtime,
    Signed,
    StorageMap,
    call,
    event,
    u32,
)


@event
class Happened:
    at: u32


class Error(ErrorEnum):
    WRONG = "Something is wrong."


def test_two_calls_may_not_share_an_index() -> None:
    with pytest.raises(DeclarationError, match="call index 0 is taken by first"):

        class Twice(Pallet[Never, Never]):
            @call(0)
            def first(self, who: Signed) -> None: ...

            @call(0)
            def second(self, who: Signed) -> None: ...


def test_a_call_index_is_one_byte() -> None:
    with pytest.raises(DeclarationError, match="one byte"):

        class Large(Pallet[Never, Never]):
            @call(256)
            def far(self, who: Signed) -> None: ...


def test_a_call_says_who_may_make_it() -> None:
    with pytest.raises(DeclarationError, match="parameter who is not an origin"):

        class Careless(Pallet[Never, Never]):
            @call(0)
            def anyone(self, who: AccountId) -> None: ...


def test_a_call_without_parameters_is_refused() -> None:
    with pytest.raises(DeclarationError, match="says who may call"):

        class Bare(Pallet[Never, Never]):
            @call(0)  # type: ignore[arg-type]
            def nobody(self) -> None: ...


def test_a_parameter_without_a_type_is_refused() -> None:
    with pytest.raises(DeclarationError, match="parameter amount has no type"):

        class Untyped(Pallet[Never, Never]):
            @call(0)
            def pay(self, who: Signed, amount) -> None: ...  # type: ignore[no-untyped-def]


def test_storage_is_assigned() -> None:
    with pytest.raises(DeclarationError, match="storage is assigned, not annotated"):

        class Annotated(Pallet[Never, Never]):
            things: StorageMap[u32, u32]


def test_storage_names_its_types() -> None:
    with pytest.raises(DeclarationError, match="name the types"):

        class Nameless(Pallet[Never, Never]):
            things = StorageMap()  # type: ignore[var-annotated]


def test_configuration_is_annotated() -> None:
    with pytest.raises(DeclarationError, match="an assigned name is storage"):

        class Assigned(Pallet[Never, Never]):
            deposit = 5


def test_an_event_is_declared_as_one() -> None:
    class NotAnEvent: ...

    with pytest.raises(DeclarationError, match="NotAnEvent is not an @event"):

        class Loose(Pallet[NotAnEvent, Never]): ...


def test_errors_are_an_enum_of_sentences() -> None:
    class Numbers(ErrorEnum):
        ONE = 1

    with pytest.raises(DeclarationError, match="needs a sentence"):

        class Numbered(Pallet[Never, Numbers]): ...

    with pytest.raises(DeclarationError, match="is not an ErrorEnum"):

        class Textual(Pallet[Never, str]): ...


def test_a_pallet_names_its_events_and_errors() -> None:
    with pytest.raises(DeclarationError, match="name the events and errors"):

        class Silent(Pallet): ...  # type: ignore[type-arg]


def test_a_storage_type_without_bytes_is_refused_when_it_is_bound() -> None:
    class Handle: ...

    class Opaque(Pallet[Never, Never]):
        handles = StorageMap[u32, Handle]()

    with pytest.raises(DeclarationError, match=r"Opaque.Handles: .*Handle has no SCALE form"):
        Runtime().add(0, Opaque())


def test_a_call_argument_without_bytes_is_refused_when_it_is_bound() -> None:
    class Handle: ...

    class Opaque(Pallet[Never, Never]):
        @call(0)
        def use(self, who: Signed, handle: Handle) -> None: ...

    with pytest.raises(DeclarationError, match=r"parameter handle: .*Handle has no SCALE form"):
        Runtime().add(0, Opaque())


def test_missing_and_unknown_configuration_are_named() -> None:
    class Configured(Pallet[Never, Never]):
        deposit: Const[u32]

    with pytest.raises(DeclarationError, match="Configured needs deposit"):
        Configured()  # type: ignore[call-arg]
    with pytest.raises(DeclarationError, match="no configuration named colour"):
        Configured(deposit=1, colour=2)  # type: ignore[call-arg]


def test_two_pallets_may_not_share_an_index_or_a_name() -> None:
    class Plain(Pallet[Never, Never]): ...

    runtime = Runtime()
    runtime.add(1, Plain())

    with pytest.raises(ValueError, match="index 1 is taken by Plain"):
        runtime.add(1, Plain(), name="Other")
    with pytest.raises(ValueError, match="two pallets are called Plain"):
        runtime.add(2, Plain())


def test_a_pallet_extends_another() -> None:
    class Base(Pallet[Happened, Error]):
        things = StorageMap[u32, u32]()

        @call(0)
        def keep(self, who: Signed, thing: u32) -> None:
            self.things[thing] = thing

    class Extended(Base):
        @call(1)
        def drop(self, who: Signed, thing: u32) -> None:
            del self.things[thing]

    definition = Extended.parsed()

    assert [each.name for each in definition.calls] == ["keep", "drop"]
    assert [each.name for each in definition.storage] == ["Things"]
    assert definition.events == (Happened,)
    assert definition.errors is Error


def test_names_of_the_framework_are_not_for_pallets() -> None:
    with pytest.raises(DeclarationError, match=r"Shadowing.index: the framework uses this name"):

        class Shadowing(Pallet[Never, Never]):
            index = StorageMap[u32, u32]()  # type: ignore[assignment]
