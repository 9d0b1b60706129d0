-- WRONG on purpose: last write wins. The customer table holds one row for each customer, which
-- every payment overwrites; joined today, it tells a row of spring what was true in autumn.
-- The join has the right key and no point in time. Compare habits.sql.
CREATE OR REPLACE TEMP VIEW habits AS
WITH customers AS (
    SELECT customer, arg_max(history, arrival) AS newest
    FROM history
    WHERE is_kept
    GROUP BY customer
)
SELECT
    history.* REPLACE (
        newest.count_1h AS count_1h,
        newest.count_24h AS count_24h,
        newest.count_7d AS count_7d,
        newest.cents_24h AS cents_24h,
        newest.cents_7d AS cents_7d,
        newest.gap_ms AS gap_ms
    ),
    newest.cents_30d / 100 / nullif(newest.sized_30d, 0) AS usual
FROM history LEFT JOIN customers USING (customer);
