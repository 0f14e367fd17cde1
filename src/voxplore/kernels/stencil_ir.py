"""LLVM code of the inner loops in `stencil.py` and `blocks.py`; imported only where numba compiles.

They are emitted by hand because the automatic vectoriser unrolls the short loop over lanes before it could use it.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .contact import SLOTS

__all__ = ["add_rows_3_6", "add_rows_6_3", "row_product_1", "row_product_3"]

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _element(builder: ir.IRBuilder, pointer: Any, index: Any) -> Any:
    return builder.load(builder.gep(pointer, [index]))


def _vector_at(builder: ir.IRBuilder, pointer: Any, index: Any, vector: ir.VectorType) -> Any:
    return builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())


def _broadcast(builder: ir.IRBuilder, value: Any, vector: ir.VectorType) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, _I32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count))


def _add_block(
    builder: ir.IRBuilder, sums: list, values: Any, block: Any, x: Any, place: Any, columns: int, vector: ir.VectorType
) -> None:
    """sums += values[block] @ x[place], a block of len(sums) x columns on `columns` rows of lanes."""
    start = builder.mul(place, _I64(columns * vector.count))
    lanes = []
    for b in range(columns):
        pointer = _vector_at(builder, x, builder.add(start, _I64(b * vector.count)), vector)
        lanes.append(builder.load(pointer, align=8))
    first = builder.mul(block, _I64(len(sums) * columns))
    for a, slot in enumerate(sums):
        total = builder.load(slot)
        for b in range(columns):
            value = _element(builder, values, builder.add(first, _I64(a * columns + b)))
            # "fast" lets the product and the sum become one instruction.
            product = builder.fmul(_broadcast(builder, value, vector), lanes[b], flags=("fast",))  # pyright: ignore[reportCallIssue]
            total = builder.fadd(total, product, flags=("fast",))  # pyright: ignore[reportCallIssue]
        builder.store(total, slot)


def _in_registers(
    builder: ir.IRBuilder, rows: int, vector: ir.VectorType, out: Any, row: Any, add: bool, body: Callable[[list], None]
) -> None:
    """Let `body` add to `rows` sums, which begin at zero (or at what out[row] holds) and end in out[row]."""
    start = builder.mul(row, _I64(rows * vector.count))
    places = [_vector_at(builder, out, builder.add(start, _I64(a * vector.count)), vector) for a in range(rows)]
    sums = [cgutils.alloca_once(builder, vector) for _ in range(rows)]
    for slot, place in zip(sums, places, strict=True):
        zero = ir.Constant(vector, [0.0] * vector.count)
        builder.store(builder.load(place, align=8) if add else zero, slot)
    body(sums)
    for slot, place in zip(sums, places, strict=True):
        builder.store(builder.load(slot), place, align=8)


def _pointers(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> list[Any]:
    """The data pointer of each array argument, the value of every other."""
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


def _row_product(size: int, lanes: int) -> Any:
    vector = ir.VectorType(ir.DoubleType(), lanes)

    @intrinsic
    def row_product(typingctx, start, stop, slots, values, neighbours, node, x, out):
        """out[node] = sum over k in [start, stop) of values[k] @ x[neighbours[node, slots[k]]]."""
        signature = types.void(types.int64, types.int64, slots, values, neighbours, types.int64, x, out)

        def codegen(context, builder, signature, arguments):
            start, stop, slots, values, neighbours, node, x, out = _pointers(context, builder, signature, arguments)
            row = builder.mul(node, _I64(SLOTS))

            def body(sums: list) -> None:
                with cgutils.for_range_slice(builder, start, stop, _I64(1), intp=_I64) as (k, _):
                    slot = builder.zext(_element(builder, slots, k), _I64)
                    place = builder.zext(_element(builder, neighbours, builder.add(row, slot)), _I64)
                    _add_block(builder, sums, values, k, x, place, size, vector)

            _in_registers(builder, size, vector, out, node, False, body)
            return context.get_dummy_value()

        return signature, codegen

    return row_product


def _add_rows(rows: int, columns: int, lanes: int) -> Any:
    vector = ir.VectorType(ir.DoubleType(), lanes)

    @intrinsic
    def add_rows(typingctx, start, stop, places, values, row, x, out):
        """out[row] += sum over k in [start, stop) of values[k] @ x[places[k]]."""
        signature = types.void(types.int64, types.int64, places, values, types.int64, x, out)

        def codegen(context, builder, signature, arguments):
            start, stop, places, values, row, x, out = _pointers(context, builder, signature, arguments)

            def body(sums: list) -> None:
                with cgutils.for_range_slice(builder, start, stop, _I64(1), intp=_I64) as (k, _):
                    place = builder.zext(_element(builder, places, k), _I64)
                    _add_block(builder, sums, values, k, x, place, columns, vector)

            _in_registers(builder, rows, vector, out, row, True, body)
            return context.get_dummy_value()

        return signature, codegen

    return add_rows


row_product_3 = _row_product(3, 8)
row_product_1 = _row_product(1, 4)
add_rows_6_3 = _add_rows(6, 3, 8)
add_rows_3_6 = _add_rows(3, 6, 8)
