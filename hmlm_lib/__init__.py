"""hmlm_lib: the nouns and verbs behind the notebooks of the HMLM study."""

__version__ = "0.1.0"
