"""One package per table, one module per source: settings in, tidy table out; seeds derived here.

The table ``t`` of the source ``s`` is computed by ``modecollapse.experiments.t.s``, a module with

* ``Settings``, a frozen dataclass: the block ``figure: {t: {s: ...}}`` of the configuration;
* ``UNITS``, the unit of each column;
* ``compute(settings, share) -> DataFrame``, the rows of one job's share of the work.

The parts of all sources, in order, make up results/t.csv.
"""
