-- The training table, in order of arrival: the features of each row as they were at its time, and
-- its latest label, which may have come much later.
WITH latest AS (
    SELECT request_id, arg_max(label, (label_time, position)) AS label
    FROM labels
    GROUP BY request_id
)
SELECT
    ln(euros) AS log_amount,
    sin(2 * pi() * (event_ms % 86_400_000) / 86_400_000) AS hour_sin,
    cos(2 * pi() * (event_ms % 86_400_000) / 86_400_000) AS hour_cos,
    (channel = 'online')::DOUBLE AS is_online,
    (habits.country <> home)::DOUBLE AS is_foreign,
    (event_ms - opened_ms) / 86_400_000 AS account_age_days,
    CASE WHEN is_legible THEN count_1h::DOUBLE END AS count_1h,
    CASE WHEN is_legible THEN count_24h::DOUBLE END AS count_24h,
    CASE WHEN is_legible THEN count_7d::DOUBLE END AS count_7d,
    CASE WHEN is_legible THEN ln(1 + coalesce(cents_24h, 0) / 100) END AS sum_24h,
    CASE WHEN is_legible THEN ln(1 + coalesce(cents_7d, 0) / 100) END AS sum_7d,
    CASE WHEN is_legible THEN coalesce(gap_ms / 3_600_000, 720) END AS recency_hours,
    CASE WHEN is_legible THEN ln(euros / coalesce(usual, euros)) END AS amount_to_habit,
    merchant_risk,
    country_risk,
    category_risk,
    habits.tick::BIGINT AS tick,
    label::DOUBLE AS label,
    request_id,
    event_time::TIMESTAMP_MS AS event_time,
    claimed AS amount
FROM habits
LEFT JOIN risks
    ON risks.tick = habits.tick
    AND risks.merchant IS NOT DISTINCT FROM habits.merchant
    AND risks.country IS NOT DISTINCT FROM habits.country
    AND risks.category IS NOT DISTINCT FROM habits.category
LEFT JOIN latest USING (request_id)
ORDER BY arrival;
