"""LLVM code of the inner loops in `vector.py`; imported only where numba compiles."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, config
from numba.extending import intrinsic

__all__ = ["minimum_sum", "minimum_sums", "overlap", "overlap_tile"]

_I8, _I16, _I32, _I64 = (ir.IntType(width) for width in (8, 16, 32, 64))
# What numba compiles for: the user's chip, unless NUMBA_CPU_FEATURES or NUMBA_ENABLE_AVX say otherwise.
_ASKED: str | None = config.CPU_FEATURES  # pyright: ignore[reportAttributeAccessIssue]
_FEATURES = (_ASKED if _ASKED is not None else codegen.get_host_cpu_features()).split(",")
_HAS_VPOPCNT = "+avx512vpopcntdq" in _FEATURES
_HAS_AVX2 = "+avx2" in _FEATURES
#: A byte lane gathers at most 8 a round (two nibbles of 4): fifteen rounds of two vectors stay below 256.
_ROUNDS = 15


def _splat(vector: ir.VectorType, value: int) -> ir.Constant:
    return ir.Constant(vector, [value] * vector.count)


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: Any) -> Any:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _row(context: Any, builder: ir.IRBuilder, kind: types.Array, array: Any, row: Any) -> tuple[Any, Any]:
    """Address (as an integer) of row `row` of a C-contiguous 2-D array, and its length in bytes."""
    view = context.make_array(kind)(context, builder, array)
    strides = cgutils.unpack_tuple(builder, view.strides, 2)
    shape = cgutils.unpack_tuple(builder, view.shape, 2)
    base = builder.ptrtoint(view.data, _I64)
    size = builder.mul(shape[1], view.itemsize)
    return builder.add(base, builder.mul(row, strides[0])), size


def _load(builder: ir.IRBuilder, address: Any, offset: Any, vector: ir.VectorType) -> Any:
    pointer = builder.inttoptr(builder.add(address, offset), vector.as_pointer())
    return builder.load(pointer, align=8)


def _accumulators(builder: ir.IRBuilder, vector: ir.VectorType, n: int) -> list[Any]:
    slots = [cgutils.alloca_once(builder, vector) for _ in range(n)]
    for slot in slots:
        builder.store(_splat(vector, 0), slot)
    return slots


def _add_to(builder: ir.IRBuilder, slot: Any, value: Any) -> None:
    builder.store(builder.add(builder.load(slot), value), slot)


def _total(builder: ir.IRBuilder, slot: Any) -> Any:
    vector = slot.type.pointee
    name = f"llvm.vector.reduce.add.v{vector.count}i{vector.element.width}"
    total = _call(builder, name, vector.element, builder.load(slot))
    return total if vector.element == _I64 else builder.zext(total, _I64)


def _count_by_instruction(builder: ir.IRBuilder, left: list, right: list, size: Any) -> list[Any]:
    """Counts of every left row and right row, 64 bytes a step, each lane of 64 bits counted by one instruction."""
    vector = ir.VectorType(_I64, 8)
    sums = _accumulators(builder, vector, len(left) * len(right))
    with cgutils.for_range_slice(builder, _I64(0), size, _I64(64), intp=_I64) as (offset, _):
        a = [_load(builder, row, offset, vector) for row in left]
        b = [_load(builder, row, offset, vector) for row in right]
        for n, slot in enumerate(sums):
            common = builder.and_(a[n // len(b)], b[n % len(b)])
            _add_to(builder, slot, _call(builder, "llvm.ctpop.v8i64", vector, common))
    return [_total(builder, slot) for slot in sums]


def _count_by_nibbles(builder: ir.IRBuilder, left: list, right: list, size: Any) -> list[Any]:
    """The same by nibble look-up: nibbles are split before the AND, so a tile shares the splitting."""
    lanes, halves = ir.VectorType(_I32, 8), ir.VectorType(_I16, 16)
    sums = _accumulators(builder, lanes, len(left) * len(right))
    with cgutils.for_range_slice(builder, _I64(0), size, _I64(64 * _ROUNDS), intp=_I64) as (start, _):
        partial = _accumulators(builder, ir.VectorType(_I8, 32), len(sums))
        stop = builder.add(start, _I64(64 * _ROUNDS))
        stop = builder.select(builder.icmp_signed("<", stop, size), stop, size)
        with cgutils.for_range_slice(builder, start, stop, _I64(32), intp=_I64) as (offset, _):
            _nibble_step(builder, left, right, offset, partial)
        for slot, count in zip(sums, partial, strict=True):
            pairs = builder.bitcast(builder.load(count), halves)
            even = builder.and_(pairs, _splat(halves, 255))
            wide = builder.add(even, builder.lshr(pairs, _splat(halves, 8)))
            quads = builder.bitcast(wide, lanes)
            low = builder.and_(quads, _splat(lanes, 65535))
            _add_to(builder, slot, builder.add(low, builder.lshr(quads, _splat(lanes, 16))))
    return [_total(builder, slot) for slot in sums]


def _nibble_step(builder: ir.IRBuilder, left: list, right: list, offset: Any, partial: list) -> None:
    lanes, halves = ir.VectorType(_I8, 32), ir.VectorType(_I16, 16)
    mask, four = _splat(lanes, 15), _splat(halves, 4)

    def shifted(vector: Any) -> Any:  # bytes have no shift: the bits that cross into a byte are masked away by `high`
        return builder.bitcast(builder.lshr(builder.bitcast(vector, halves), four), lanes)

    a = [_load(builder, row, offset, lanes) for row in left]
    low = [builder.and_(vector, mask) for vector in a]
    high = [builder.and_(shifted(vector), mask) for vector in a]
    for m, row in enumerate(right):
        b = _load(builder, row, offset, lanes)
        b_shifted = shifted(b)
        for n in range(len(left)):
            count = builder.add(
                _nibble_count(builder, builder.and_(low[n], b)),
                _nibble_count(builder, builder.and_(high[n], b_shifted)),
            )
            _add_to(builder, partial[n * len(right) + m], count)


def _nibble_count(builder: ir.IRBuilder, nibbles: Any) -> Any:
    lanes = ir.VectorType(_I8, 32)
    if not _HAS_AVX2:
        return _call(builder, "llvm.ctpop.v32i8", lanes, nibbles)
    table = ir.Constant(lanes, [bin(value).count("1") for value in range(16)] * 2)
    return _call(builder, "llvm.x86.avx2.pshuf.b", lanes, table, nibbles)


def _count(builder: ir.IRBuilder, left: list, right: list, size: Any) -> list[Any]:
    counter = _count_by_instruction if _HAS_VPOPCNT else _count_by_nibbles
    return counter(builder, left, right, size)


@intrinsic
def overlap(typingctx, queries, i, references, j):
    signature = types.int64(queries, types.int64, references, types.int64)

    def codegen(context, builder, signature, arguments):
        left, size = _row(context, builder, signature.args[0], arguments[0], arguments[1])
        right, _ = _row(context, builder, signature.args[2], arguments[2], arguments[3])
        return _count(builder, [left], [right], size)[0]

    return signature, codegen


@intrinsic
def overlap_tile(typingctx, queries, i, references, j, out):
    signature = types.void(queries, types.int64, references, types.int64, out)

    def codegen(context, builder, signature, arguments):
        left, right = [], []
        size = _I64(0)
        for rows, kind, array, first, n in (
            (left, signature.args[0], arguments[0], arguments[1], 2),
            (right, signature.args[2], arguments[2], arguments[3], 4),
        ):
            for step in range(n):
                address, size = _row(context, builder, kind, array, builder.add(first, _I64(step)))
                rows.append(address)
        counts = _count(builder, left, right, size)
        target, _ = _row(context, builder, signature.args[4], arguments[4], _I64(0))
        for n, count in enumerate(counts):
            builder.store(count, builder.inttoptr(builder.add(target, _I64(8 * n)), _I64.as_pointer()))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def minimum_sum(typingctx, left, i, right, j):
    signature = types.int64(left, types.int64, right, types.int64)

    def codegen(context, builder, signature, arguments):
        a, size = _row(context, builder, signature.args[0], arguments[0], arguments[1])
        b, _ = _row(context, builder, signature.args[2], arguments[2], arguments[3])
        return _total(builder, _minimum_sums(builder, a, [b], size)[0])

    return signature, codegen


@intrinsic
def minimum_sums(typingctx, left, i, right, j, out):
    signature = types.void(left, types.int64, right, types.int64, out)

    def codegen(context, builder, signature, arguments):
        a, size = _row(context, builder, signature.args[0], arguments[0], arguments[1])
        rows = []
        for step in range(4):
            row = builder.add(arguments[3], _I64(step))
            rows.append(_row(context, builder, signature.args[2], arguments[2], row)[0])
        sums = [builder.load(slot) for slot in _minimum_sums(builder, a, rows, size)]
        # Add lanes of two vectors at a time, so that one vector with all four sums is left.
        halves = [_add_neighbours(builder, sums[n], sums[n + 1]) for n in (0, 2)]
        low, high = (builder.shuffle_vector(*halves, _lanes(order)) for order in ((0, 1, 4, 5), (2, 3, 6, 7)))
        four = builder.trunc(builder.add(low, high), ir.VectorType(_I32, 4))
        view = context.make_array(signature.args[4])(context, builder, arguments[4])
        builder.store(four, builder.bitcast(view.data, four.type.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, codegen


def _minimum_sums(builder: ir.IRBuilder, a: Any, rows: list, size: Any) -> list[Any]:
    """Sums of min(a, row) in four 64-bit lanes each."""
    lanes = ir.VectorType(_I8, 32)
    sums = _accumulators(builder, ir.VectorType(_I64, 4), len(rows))
    with cgutils.for_range_slice(builder, _I64(0), size, _I64(32), intp=_I64) as (offset, _):
        left = _load(builder, a, offset, lanes)
        for slot, row in zip(sums, rows, strict=True):
            smaller = _call(builder, "llvm.umin.v32i8", lanes, left, _load(builder, row, offset, lanes))
            _add_to(builder, slot, _byte_sums(builder, smaller))
    return sums


def _add_neighbours(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """(a0 + a1, b0 + b1, a2 + a3, b2 + b3)."""
    even, odd = (builder.shuffle_vector(a, b, _lanes(order)) for order in ((0, 4, 2, 6), (1, 5, 3, 7)))
    return builder.add(even, odd)


def _lanes(order: tuple[int, ...]) -> ir.Constant:
    return ir.Constant(ir.VectorType(_I32, len(order)), list(order))


def _byte_sums(builder: ir.IRBuilder, lanes: Any) -> Any:
    """<32 x i8> -> <4 x i64>, each the sum of eight bytes."""
    quads = ir.VectorType(_I64, 4)
    if _HAS_AVX2:
        return _call(builder, "llvm.x86.avx2.psad.bw", quads, lanes, _splat(ir.VectorType(_I8, 32), 0))
    for width, count, mask in ((16, 16, 0xFF), (32, 8, 0xFFFF), (64, 4, 0xFFFFFFFF)):
        wider = ir.VectorType(ir.IntType(width), count)
        cast = builder.bitcast(lanes, wider)
        upper = builder.lshr(cast, _splat(wider, width // 2))
        lanes = builder.add(builder.and_(cast, _splat(wider, mask)), upper)
    return lanes
