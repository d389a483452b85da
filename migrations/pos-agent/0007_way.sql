-- Facts about goods between locations: few among the sales of weeks without a line, and looked for
-- whenever somebody looks what is on its way. The text is not parsed here: a row whose text a disk
-- changed must go on being a row.
create index log_way on log (n)
    where (instr(fact, '"body":"arrived"') > 0 or instr(fact, '"body":"handover"') > 0);
