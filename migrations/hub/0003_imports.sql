-- Prices that begin at a moment, imports of any columns, and what an import left out.

-- A JSON list; an item's own price stays among its details.
alter table item add column prices text not null default '[]';

-- How a file is laid out (JSON: header, places, delimiter, decimal), and when its rows were done.
alter table import add column layout text;
alter table import add column began_at bigint;
alter table import add column ended_at bigint;

-- The row as it came (JSON), so that a report can be put right and taken in again.
alter table import_error add column cells text;
