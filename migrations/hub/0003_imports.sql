-- Prices that begin at a moment, imports of any columns, and what an import left out.

-- A JSON list; an item's own price stays among its details.
alter table item add column prices text not null default '[]';
