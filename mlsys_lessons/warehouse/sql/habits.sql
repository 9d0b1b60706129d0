-- The customer's usual payment at the time of each row, in euros: the mean of the last 30 days.
CREATE OR REPLACE TEMP VIEW habits AS
SELECT *, cents_30d / 100 / nullif(sized_30d, 0) AS usual
FROM history;
