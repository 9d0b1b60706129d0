-- WRONG on purpose: today's mean. The customer's usual payment is the mean of all payments that
-- the table holds today, those after the row and the row itself included. Compare habits.sql.
CREATE OR REPLACE TEMP VIEW habits AS
SELECT
    *,
    sum(cents) FILTER (is_kept) OVER ever / 100
        / nullif(count(cents) FILTER (is_kept) OVER ever, 0) AS usual
FROM history
WINDOW ever AS (PARTITION BY customer);
