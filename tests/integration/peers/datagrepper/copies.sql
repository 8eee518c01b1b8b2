-- Copies of every stored message: new ids, later by one second times their number, but for the most
-- crowded second, whose copies stay in it. Bodies, headers, users and packages are those that
-- datanommer made; only sent-at follows the new time.
-- usage: psql DATABASE_URL -v copies=5 -f copies.sql
SET client_min_messages = warning;
SELECT timestamp AS crowded FROM messages GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1 \gset
SELECT max(id) AS most FROM messages \gset
CREATE TEMP TABLE copy AS
  SELECT m.id AS old, m.timestamp AS was, k.k * :most + m.id AS id,
    m.timestamp + CASE WHEN m.timestamp = :'crowded' THEN 0 ELSE k.k END * interval '1 second' AS at
  FROM messages m, generate_series(1, :copies) AS k(k);
INSERT INTO messages (id, msg_id, i, topic, timestamp, category, agent_name, source_name,
    source_version, msg, headers)
  SELECT c.id, gen_random_uuid()::text, m.i, m.topic, c.at, m.category, m.agent_name, m.source_name,
    m.source_version, m.msg,
    jsonb_set(m.headers, '{sent-at}', to_jsonb(to_char(c.at, 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')))
  FROM copy c JOIN messages m ON m.id = c.old AND m.timestamp = c.was;
INSERT INTO users_messages SELECT u.user_id, c.id, c.at
  FROM copy c JOIN users_messages u ON u.msg_id = c.old AND u.msg_timestamp = c.was;
INSERT INTO packages_messages SELECT p.package_id, c.id, c.at
  FROM copy c JOIN packages_messages p ON p.msg_id = c.old AND p.msg_timestamp = c.was;
SELECT setval('messages_id_seq', (SELECT max(id) FROM messages));
ANALYZE messages;
