"""One module per figure; it draws tables and computes nothing.

The figure ``figN_name`` of the configuration is drawn by ``modecollapse.figures.name``, with

* ``CLAIM``, the claim of the paper that it bears on, a sentence;
* ``draw(tables) -> Figure``, from the tables by name;
* ``caption(tables) -> str``, what the panels show and the number that decides the claim.
"""
