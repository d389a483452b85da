-- Facts about goods between locations: few among the sales of weeks without a line, and looked for
-- whenever somebody looks what is on its way.
create index log_way on log (n) where json_extract(fact, '$.body.body') in ('arrived', 'handover');
