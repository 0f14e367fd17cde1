"""LLVM code of `minimum_sum` in `vector.py`; imported only where numba compiles.

It is written by hand because the automatic vectoriser widens every byte before it adds it up: plain numba takes 2.9
times as long (`docs/log.md`).
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, config
from numba.extending import intrinsic

__all__ = ["minimum_sum"]

_I8, _I64 = ir.IntType(8), ir.IntType(64)
_BYTES, _QUADS = ir.VectorType(_I8, 32), ir.VectorType(_I64, 4)
# What numba compiles for: the user's chip, unless NUMBA_CPU_FEATURES or NUMBA_ENABLE_AVX say otherwise.
_ASKED: str | None = config.CPU_FEATURES  # pyright: ignore[reportAttributeAccessIssue]
_HAS_AVX2 = "+avx2" in (_ASKED if _ASKED is not None else codegen.get_host_cpu_features()).split(",")


@intrinsic
def minimum_sum(typingctx, left, i, right, j):
    signature = types.int64(left, types.int64, right, types.int64)

    def codegen(context, builder, signature, arguments):
        a, size = _row(context, builder, signature.args[0], arguments[0], arguments[1])
        b, _ = _row(context, builder, signature.args[2], arguments[2], arguments[3])
        total = cgutils.alloca_once_value(builder, _splat(_QUADS, 0))
        with cgutils.for_range_slice(builder, _I64(0), size, _I64(32), intp=_I64) as (offset, _):
            smaller = _call(builder, "llvm.umin.v32i8", _BYTES, _load(builder, a, offset), _load(builder, b, offset))
            builder.store(builder.add(builder.load(total), _byte_sums(builder, smaller)), total)
        return _call(builder, "llvm.vector.reduce.add.v4i64", _I64, builder.load(total))

    return signature, codegen


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
    return builder.add(base, builder.mul(row, strides[0])), builder.mul(shape[1], view.itemsize)


def _load(builder: ir.IRBuilder, address: Any, offset: Any) -> Any:
    return builder.load(builder.inttoptr(builder.add(address, offset), _BYTES.as_pointer()), align=8)


def _byte_sums(builder: ir.IRBuilder, lanes: Any) -> Any:
    """<32 x i8> -> <4 x i64>, each the sum of eight bytes."""
    if _HAS_AVX2:
        return _call(builder, "llvm.x86.avx2.psad.bw", _QUADS, lanes, _splat(_BYTES, 0))
    for width, count, mask in ((16, 16, 0xFF), (32, 8, 0xFFFF), (64, 4, 0xFFFFFFFF)):
        wider = ir.VectorType(ir.IntType(width), count)
        cast = builder.bitcast(lanes, wider)
        upper = builder.lshr(cast, _splat(wider, width // 2))
        lanes = builder.add(builder.and_(cast, _splat(wider, mask)), upper)
    return lanes
