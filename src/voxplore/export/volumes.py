"""Voxels as files: VTI for ParaView, npz for NumPy."""

import base64
import io
import struct
import zlib

import numpy as np

__all__ = ["npz", "vti"]

Triple = tuple[float, float, float]


def vti(voxels: np.ndarray, size: Triple) -> bytes:
    """VTK image data with one cell array `solid` (0 or 1); `size`: edges of the whole array in millimetres."""
    spacing = " ".join(f"{length / n:.9g}" for length, n in zip(size, voxels.shape, strict=True))
    extent = " ".join(f"0 {n}" for n in voxels.shape)
    raw = np.ascontiguousarray(voxels.transpose(2, 1, 0)).astype(np.uint8).tobytes()  # VTK counts x fastest
    packed = zlib.compress(raw, 6)
    # Header of one block: number of blocks, its size, size of the last partial block (0: none), compressed size.
    header = struct.pack("<4Q", 1, len(raw), 0, len(packed))
    data = base64.b64encode(header).decode() + base64.b64encode(packed).decode()
    return (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64" '
        'compressor="vtkZLibDataCompressor">\n'
        f'<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}">\n<Piece Extent="{extent}">\n'
        f'<CellData Scalars="solid">\n<DataArray type="UInt8" Name="solid" format="binary">{data}</DataArray>\n'
        "</CellData>\n"
        "</Piece>\n</ImageData>\n</VTKFile>\n"
    ).encode("ascii")


def npz(voxels: np.ndarray, size: Triple) -> bytes:
    """NumPy archive: `voxels` Bool (a, b, c) and `size`, the edges in millimetres."""
    out = io.BytesIO()
    np.savez_compressed(out, voxels=voxels, size=np.array(size, np.float64))
    return out.getvalue()
