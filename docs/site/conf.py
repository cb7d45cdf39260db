"""The documentation site: `make docs` writes build/site/index.html, which needs no network."""

import sys
from pathlib import Path

import mathjax

import modecollapse

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

project = "modecollapse"
author = "The modecollapse developers"
version = release = modecollapse.__version__
copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "matplotlib.sphinxext.plot_directive",
    "cited",
    "docstrings",
    "outside",
    "play",
    "results",
]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
exclude_patterns = ["package.md"]
nitpicky = False

html_theme = "furo"
html_title = "modecollapse"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

# One file that draws without fonts, so that the pages open from the file system.
html_static_path = [
    "static",
    str(Path(mathjax.__file__).parent / "static/mathjax/es5/tex-svg-full.js"),
]
mathjax_path = "tex-svg-full.js"
mathjax3_config = {"svg": {"mtextInheritFont": True, "scale": 0.95}}
html_css_files = ["site.css"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
plot_formats = [("svg", 100)]
plot_html_show_formats = plot_html_show_source_link = False
plot_include_source = True
