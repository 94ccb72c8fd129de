"""What a runtime tells clients about itself."""

from typing import Annotated, Any, ClassVar, Never

import pytest

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    Blake2_256,
    Compact,
    Const,
    CountedMap,
    DecodeError,
    DefaultDoubleMap,
    DefaultMap,
    DefaultValue,
    ErrorEnum,
    FreezeReason,
    HoldReason,
    Identity,
    MultiAddress,
    OriginCaller,
    Pallet,
    Root,
    Runtime,
    RuntimeApi,
    RuntimeCall,
    RuntimeFreezeReason,
    RuntimeHoldReason,
    Signed,
    SignedCaller,
    StorageNMap,
    StorageValue,
    Twox64,
    TypeName,
    Weight,
    api_method,
    call,
    codec,
    struct,
    u8,
    u16,
    u32,
    u64,
)
from tilth.frame.metadata import Metadata, v14, v15, v16
from tilth.pallets.system import (
    BlockLength,
    BlockWeights,
    CheckGenesis,
    CheckMortality,
    CheckNonce,
    CheckNonZeroSender,
    System,
)
from tilth.primitives.scale.info import (
    CompactDef,
    SequenceDef,
    TupleDef,
    Type,
    Variant,
    VariantDef,
)

ALICE = AccountId(bytes(range(32)))
PICTURE = H256(b"\x22" * 32)


@struct
class Picture:
    owner: AccountId
    class_: u8
    price: Balance | None


@struct
class Hung:
    """A picture was hung."""

    picture: H256
    owner: AccountId
    price: Balance | None


@struct
class Removed:
    """A picture was taken down."""

    picture: H256


class Error(ErrorEnum):
    NO_SUCH_PICTURE = "No picture has this hash."
    WALL_FULL = "The wall is full.\nTake a picture down first."


class GalleryApi(RuntimeApi):
    """What visitors may ask."""

    version: ClassVar[int] = 3

    @api_method
    def price(self, picture: H256, class_: u8) -> Balance | None:
        """What a picture costs."""
        return None


class Gallery(Pallet[Hung | Removed, Error]):
    """Pictures on walls."""

    crate = "pallet_gallery"
    deposit: Const[Balance]
    """Held while a picture hangs."""
    opening: u64 = 9
    max_pictures: Const[u32] = 7

    class Hold(HoldReason):
        HANGING_PICTURE = "A picture hangs."

    class Freeze(FreezeReason):
        AUCTION = "A bid is open."

    pictures = CountedMap[H256, Picture]()
    """Every picture that hangs."""
    curator = StorageValue[AccountId]()
    visits = DefaultMap[Twox64[u32], u64](default=5)
    likes = DefaultDoubleMap[Identity[H256], AccountId, u8]()
    guests = StorageNMap[tuple[Twox64[u32], AccountId, Blake2_256[u16]], Weight]()
    holds = DefaultValue[tuple[RuntimeHoldReason, ...]]()
    freezes = DefaultValue[tuple[RuntimeFreezeReason, ...]](name="Iced")

    @property
    def wall_length(self) -> Const[u16]:
        """How long the wall is."""
        return 300 + len(self.runtime.pallets)

    @property
    def wall_colour(self) -> str:
        return "white"

    @call(0)
    def hang(self, who: Signed, picture: H256, class_: u8, price: Compact[Balance]) -> None:
        """Hang a picture.

        Its price is public."""

    @call(4)
    def close(
        self,
        who: Root,
        calls: Annotated[tuple[RuntimeCall, ...], TypeName("Vec<<T as Config>::RuntimeCall>")],
        dest: MultiAddress,
        why: bytes | None,
    ) -> None:
        """Close, and do what remains to be done."""

    @call(5)
    def act(self, who: Signed, origin: OriginCaller) -> None:
        """Act for another."""

    @call(2)
    def import_(self, who: Signed) -> None: ...


class Desk(Pallet[Never, Never]):
    """It answers, and has nothing else."""

    crate = "pallet_desk"

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (GalleryApi(self.runtime),)


class GalleryRuntime(Runtime):
    spec_name: ClassVar[str] = "city-museum"

    def __init__(self) -> None:
        super().__init__()
        system = System(
            block_weights=BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1)),
            block_length=BlockLength.max_with_normal_ratio(5 * 1024 * 1024),
        )
        self.system = self.recorder = self.add(0, system)
        self.gallery = self.add(9, Gallery(deposit=77))
        self.annexe = self.add(12, Gallery(deposit=1, max_pictures=2), name="Annexe")
        self.desk = self.add(13, Desk())
        self.extensions = (
            CheckNonZeroSender(system),
            CheckGenesis(system),
            CheckMortality(system),
            CheckNonce(system),
        )


@pytest.fixture(scope="module")
def runtime() -> GalleryRuntime:
    return GalleryRuntime()


@pytest.fixture(scope="module")
def first(runtime: GalleryRuntime) -> v14.V14:
    metadata: v14.MetadataV14 = codec(v14.MetadataV14).decode(runtime.metadata(14))
    return metadata.body


@pytest.fixture(scope="module")
def second(runtime: GalleryRuntime) -> v15.V15:
    metadata: v15.MetadataV15 = codec(v15.MetadataV15).decode(runtime.metadata(15))
    return metadata.body


@pytest.fixture(scope="module")
def third(runtime: GalleryRuntime) -> v16.V16:
    metadata: v16.MetadataV16 = codec(v16.MetadataV16).decode(runtime.metadata(16))
    return metadata.body


def named(items: Any, name: str) -> Any:
    (found,) = (item for item in items if item.name == name)
    return found


def type_of(body: Any, number: int) -> Type:
    found: Type = body.types.types[number].type
    return found


def variants_of(body: Any, number: int | None) -> tuple[Variant, ...]:
    assert number is not None
    definition = type_of(body, number).type_def
    assert isinstance(definition, VariantDef)
    return definition.variants


def path_of(body: Any, number: int) -> str:
    return "::".join(type_of(body, number).path)


def entry(body: Any, name: str, pallet: str = "Gallery") -> Any:
    return named(named(body.pallets, pallet).storage.entries, name)


def test_magic_and_version_stand_first(runtime: GalleryRuntime) -> None:
    for version in (14, 15, 16):
        assert runtime.metadata(version)[:5] == b"meta" + bytes((version,))


def test_each_version_is_made_once(runtime: GalleryRuntime) -> None:
    metadata = Metadata(runtime)

    assert metadata.encoded(14) is metadata.encoded(14)
    assert metadata.encoded(14) != metadata.encoded(15)


@pytest.mark.parametrize("version", [0, 13, 17])
def test_other_versions_are_refused_by_name(runtime: GalleryRuntime, version: int) -> None:
    with pytest.raises(ValueError, match=f"version {version}: ask for 14, 15 or 16"):
        Metadata(runtime).encoded(version)


def test_pallets_come_in_the_order_in_which_they_were_added(second: v15.V15) -> None:
    assert [(p.name, p.index) for p in second.pallets] == [
        ("System", 0),
        ("Gallery", 9),
        ("Annexe", 12),
        ("Desk", 13),
    ]


def test_what_a_pallet_does_not_have_is_left_out(second: v15.V15, third: v16.V16) -> None:
    for desk in (named(second.pallets, "Desk"), named(third.pallets, "Desk")):
        assert (desk.storage, desk.calls, desk.event, desk.error) == (None, None, None, None)
        assert desk.constants == ()


def test_storage_shows_modifier_default_and_docs(first: v14.V14) -> None:
    pictures, curator, visits = (entry(first, n) for n in ("Pictures", "Curator", "Visits"))

    assert (pictures.modifier, pictures.default) == (v14.Modifier.OPTIONAL, b"\0")
    assert pictures.docs == ("Every picture that hangs.",)
    assert (curator.modifier, curator.docs) == (v14.Modifier.OPTIONAL, ())
    assert path_of(first, curator.type.value) == "sp_core::crypto::AccountId32"
    assert (visits.modifier, visits.default) == (v14.Modifier.DEFAULT, b"\5" + bytes(7))


def test_a_pallets_storage_is_under_the_pallets_name(first: v14.V14) -> None:
    assert [p.storage and p.storage.prefix for p in first.pallets] == [
        "System",
        "Gallery",
        "Annexe",
        None,
    ]
    assert entry(first, "Iced", pallet="Annexe").name == "Iced"


def test_a_counted_map_brings_its_counter(first: v14.V14) -> None:
    entries = named(first.pallets, "Gallery").storage.entries
    counter = entry(first, "CounterForPictures")

    assert [e.name for e in entries[:2]] == ["Pictures", "CounterForPictures"]
    assert (counter.modifier, counter.default) == (v14.Modifier.DEFAULT, bytes(4))


@pytest.mark.parametrize(
    ("name", "hashers"),
    [
        ("Pictures", ["BLAKE2_128_CONCAT"]),
        ("Visits", ["TWOX_64_CONCAT"]),
        ("Likes", ["IDENTITY", "BLAKE2_128_CONCAT"]),
        ("Guests", ["TWOX_64_CONCAT", "BLAKE2_128_CONCAT", "BLAKE2_256"]),
    ],
)
def test_a_map_shows_its_hashers_and_a_tuple_for_several_keys(
    first: v14.V14, name: str, hashers: list[str]
) -> None:
    shown = entry(first, name).type

    assert [hasher.name for hasher in shown.hashers] == hashers
    definition = type_of(first, shown.key).type_def
    assert len(hashers) == (len(definition.fields) if isinstance(definition, TupleDef) else 1)


def test_constants_are_encoded_and_documented(first: v14.V14) -> None:
    constants = named(first.pallets, "Gallery").constants

    assert [(c.name, int.from_bytes(c.value, "little"), c.docs) for c in constants] == [
        ("Deposit", 77, ("Held while a picture hangs.",)),
        ("MaxPictures", 7, ()),
        ("WallLength", 304, ("How long the wall is.",)),
    ]
    assert [len(c.value) for c in constants] == [16, 4, 2]
    assert [c.value[0] for c in named(first.pallets, "Annexe").constants[:2]] == [1, 2]


def test_calls_are_shown_as_the_pallet_macro_writes_them(first: v14.V14) -> None:
    number = named(first.pallets, "Gallery").calls
    shown = type_of(first, number)
    hang, import_, close, act = variants_of(first, number)

    assert "::".join(shown.path) == "pallet_gallery::pallet::Call"
    assert [(p.name, p.type) for p in shown.type_params] == [("T", None)]
    assert [(v.name, v.index) for v in (hang, import_, close, act)] == [
        ("hang", 0),
        ("import", 2),
        ("close", 4),
        ("act", 5),
    ]
    assert hang.docs == ("Hang a picture.", "", "Its price is public.")
    assert [(f.name, f.type_name) for f in hang.fields] == [
        ("picture", "H256"),
        ("class", "u8"),
        ("price", "T::Balance"),
    ]
    assert isinstance(type_of(first, hang.fields[2].type).type_def, CompactDef)
    assert [f.type_name for f in close.fields] == [
        "Vec<<T as Config>::RuntimeCall>",
        "MultiAddress",
        "Option<Vec<u8>>",
    ]


def test_events_and_errors_carry_their_sentences(first: v14.V14) -> None:
    gallery = named(first.pallets, "Gallery")
    hung, removed = variants_of(first, gallery.event)
    missing, full = variants_of(first, gallery.error)

    assert (hung.name, hung.index, hung.docs) == ("Hung", 0, ("A picture was hung.",))
    assert (removed.name, removed.index) == ("Removed", 1)
    assert [f.name for f in hung.fields] == ["picture", "owner", "price"]
    assert (missing.name, missing.docs) == ("NoSuchPicture", ("No picture has this hash.",))
    assert (full.index, full.docs) == (1, ("The wall is full.", "Take a picture down first."))


def test_the_enums_of_the_runtime_gather_its_pallets(second: v15.V15) -> None:
    enums = second.outer_enums

    assert path_of(second, enums.call) == "city_museum_runtime::RuntimeCall"
    assert path_of(second, enums.event) == "city_museum_runtime::RuntimeEvent"
    assert path_of(second, enums.error) == "city_museum_runtime::RuntimeError"
    gathered = [("System", 0), ("Gallery", 9), ("Annexe", 12)]
    for number, part in ((enums.call, "calls"), (enums.event, "event"), (enums.error, "error")):
        variants = variants_of(second, number)
        assert [(v.name, v.index) for v in variants] == gathered
        assert [v.fields[0].type for v in variants] == [
            getattr(p, part) for p in second.pallets[:3]
        ]
        assert all(v.fields[0].name is None for v in variants)
    event = variants_of(second, enums.event)[1].fields[0]
    assert event.type_name == "pallet_gallery::Event<Runtime>"
    call = variants_of(second, enums.call)[1].fields[0]
    assert call.type_name is not None
    assert call.type_name.endswith("::CallableCallFor<Gallery, Runtime>")


def test_reasons_to_hold_and_freeze_are_gathered_from_pallets_that_have_them(
    first: v14.V14,
) -> None:
    for name, own, reason in (
        ("Holds", "HoldReason", "HangingPicture"),
        ("Iced", "FreezeReason", "Auction"),
    ):
        sequence = type_of(first, entry(first, name).type.value).type_def
        assert isinstance(sequence, SequenceDef)
        gathered = variants_of(first, sequence.type)
        assert path_of(first, sequence.type) == f"city_museum_runtime::Runtime{own}"
        assert [(v.name, v.index) for v in gathered] == [("Gallery", 9), ("Annexe", 12)]
        assert path_of(first, gathered[0].fields[0].type) == f"pallet_gallery::pallet::{own}"
        assert [v.name for v in variants_of(first, gathered[0].fields[0].type)] == [reason]


def test_an_origin_as_an_argument_names_the_system_pallet(first: v14.V14) -> None:
    *_, act = variants_of(first, named(first.pallets, "Gallery").calls)
    (origin,) = act.fields
    (system,) = variants_of(first, origin.type)

    assert origin.type_name == "Box<T::PalletsOrigin>"
    assert path_of(first, origin.type) == "city_museum_runtime::OriginCaller"
    assert (system.name, system.index) == ("system", 0)
    assert system.fields[0].type_name == "frame_system::Origin<Runtime>"
    raw = variants_of(first, system.fields[0].type)
    assert path_of(first, system.fields[0].type) == "frame_support::dispatch::RawOrigin"
    assert [v.name for v in raw] == ["Root", "Signed", "None"]


def test_an_origin_of_another_pallet_is_refused(runtime: GalleryRuntime) -> None:
    origins = runtime.codecs.of(OriginCaller)

    assert origins.decode(origins.encode(SignedCaller(ALICE))) == SignedCaller(ALICE)
    with pytest.raises(DecodeError, match="a pallet with origins, found Gallery's"):
        origins.decode(b"\x09\0")


def test_the_extrinsics_type_says_where_its_parts_are(first: v14.V14) -> None:
    shown = type_of(first, first.extrinsic.type)

    assert shown.path[-1] == "UncheckedExtrinsic"
    parts = {p.name: p.type for p in shown.type_params}
    assert list(parts) == ["Address", "Call", "Signature", "Extra"]
    assert path_of(first, parts["Address"] or 0) == "sp_runtime::multiaddress::MultiAddress"
    assert path_of(first, parts["Call"] or 0) == "city_museum_runtime::RuntimeCall"
    assert path_of(first, parts["Signature"] or 0) == "sp_runtime::MultiSignature"
    extra = type_of(first, parts["Extra"] or 0).type_def
    assert isinstance(extra, TupleDef)
    assert list(extra.fields) == [e.type for e in first.extrinsic.extensions]
    assert first.extrinsic.version == 4
    assert path_of(first, first.runtime) == "city_museum_runtime::Runtime"


def test_extensions_stand_in_the_order_of_the_wire(first: v14.V14, third: v16.V16) -> None:
    expected = ["CheckNonZeroSender", "CheckGenesis", "CheckMortality", "CheckNonce"]

    assert [e.identifier for e in first.extrinsic.extensions] == expected
    assert [e.identifier for e in third.extrinsic.extensions] == expected
    assert path_of(first, first.extrinsic.extensions[1].implicit) == "primitive_types::H256"
    assert third.extrinsic.extensions_by_version == {0: (0, 1, 2, 3)}


def test_version_16_offers_extrinsics_of_version_4_before_5(third: v16.V16) -> None:
    assert list(third.extrinsic.versions) == [4, 5]


def test_every_api_of_the_runtime_is_described(
    runtime: GalleryRuntime, second: v15.V15, third: v16.V16
) -> None:
    assert [api.name for api in second.apis] == [api.name for api in runtime.apis]
    assert [(a.name, a.version) for a in third.apis] == [(a.name, a.version) for a in runtime.apis]
    gallery = named(second.apis, "GalleryApi")
    (price,) = gallery.methods
    assert (gallery.docs, price.docs) == (("What visitors may ask.",), ("What a picture costs.",))
    assert [p.name for p in price.inputs] == ["picture", "class"]
    assert type_of(second, price.output).path == ("Option",)
    assert [m.name for m in named(third.apis, "Core").methods] == [
        "version",
        "execute_block",
        "initialize_block",
    ]


def test_pallets_say_what_they_are(second: v15.V15, third: v16.V16) -> None:
    assert named(second.pallets, "Gallery").docs == ("Pictures on walls.",)
    assert named(third.pallets, "Gallery").docs == ("Pictures on walls.",)


def entries_of(pallet: Any) -> list[tuple[Any, ...]]:
    entries = pallet.storage.entries if pallet.storage else ()
    return [(e.name, e.modifier, e.default, e.docs) for e in entries]


def test_version_16_says_the_same_of_each_pallet_as_15(second: v15.V15, third: v16.V16) -> None:
    for old, new in zip(second.pallets, third.pallets, strict=True):
        assert (old.name, old.index, old.docs) == (new.name, new.index, new.docs)
        assert [c.value for c in old.constants] == [c.value for c in new.constants]
        assert entries_of(old) == entries_of(new)
        for part in ("calls", "event", "error"):
            before, after = getattr(old, part), getattr(new, part)
            assert (before is None) == (after is None)
            if before is not None:
                assert type_of(second, before).path == type_of(third, after.type).path
