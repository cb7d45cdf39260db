"""What computes the tables: settings in, tidy table out; seeds are derived here.

The configuration's block ``figure: {table: {experiment: e, s: {...}}}`` computes what the table has
from the source ``s`` by the module ``modecollapse.experiments.e``, or, where an experiment has two
sources that must not import each other, by ``modecollapse.experiments.e.s``; e is the table's own
name where none is given.  The module holds

* ``Settings``, a frozen dataclass: the block ``{...}``;
* ``UNITS``, the unit of each column, the same for all sources;
* ``compute(settings, share) -> DataFrame``, the rows of one job's share of the work.

The parts of all sources, in order, make up results/<table>.csv.
"""
