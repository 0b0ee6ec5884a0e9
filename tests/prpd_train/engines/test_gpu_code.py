"""The kernel's code for a GPU, of which a CPU runs the rest: the compiler, which needs no GPU, takes it."""

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel import advance

HOPPER = 90


def test_the_kernel_compiles_for_a_gpu(tmp_path):
    wp.compile_aot_module(advance, arch=HOPPER, module_dir=tmp_path, use_ptx=True)
    (code,) = tmp_path.glob("*.ptx")
    assert ".entry advance" in code.read_text()
