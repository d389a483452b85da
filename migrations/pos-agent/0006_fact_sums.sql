-- What the text of a fact adds up to: a disk that changes a letter of it is noticed before the hub
-- is told. Facts of before have none.
alter table log add column sum integer;
