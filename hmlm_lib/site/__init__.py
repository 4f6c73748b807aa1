"""The study as a folder of web pages that needs no network: notebooks, figures, tables, formulas as MathML."""

from hmlm_lib.site.build import Inputs, build, inputs

__all__ = ["Inputs", "build", "inputs"]
