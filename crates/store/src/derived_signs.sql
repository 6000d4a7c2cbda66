-- Signs, each with its weight, that a system has a second home (C3) or is a hidden path (C12). Runs after derived_devices.sql.
--
-- 10 is proof, 6 is enough alone, 3 is strong (two of them are enough), 1 is a hint that has innocent reasons as well. What
-- path_sign and multi_homed hold is enough alone; here they stand beside what is not. Of one kind the heaviest counts, once.

CREATE TABLE sign(asset TEXT, tells TEXT, kind TEXT, weight INTEGER, zone TEXT, other TEXT, other_zone TEXT, detail TEXT,
                  time TEXT, last TEXT, evidence TEXT);

INSERT INTO sign
SELECT asset, 'path', sign, 10, zone, NULL, NULL, detail, time, last, json_array(evidence) FROM path_sign;
INSERT INTO sign
SELECT asset, 'homes', sign, CASE WHEN sign IN ('addresses', 'declared') THEN 10 ELSE 6 END, zone, other, other_zone, detail, time, last, evidence
FROM multi_homed;
INSERT INTO sign
SELECT device, 'path', 'nameless-router', 1, zone, NULL, NULL,
       'forwards packets between ' || MIN(zone_name(zone), zone_name(to_zone)) || ' and ' || MAX(zone_name(zone), zone_name(to_zone))
           || ' as a router does, and the site file gives no router or firewall that MAC address',
       time, last, json_array('route:' || id)
FROM crane_route
WHERE via = 'forwards' AND zone IS NOT to_zone AND device IN (SELECT device FROM nameless_router);

-- Who is in the crane network and joins no networks by trade.
CREATE TABLE suspect AS
SELECT p.asset, p.mac, p.zone, MAX(s.declared) AS declared, MAX(s.role) AS role, MIN(p.time) AS time, MAX(p.last) AS last, MIN(p.evidence) AS evidence
FROM presence p JOIN asset s ON s.name = p.asset
WHERE p.is_crane AND p.asset NOT IN (SELECT name FROM known_gateway)
GROUP BY p.asset, p.mac, p.zone;
CREATE INDEX suspect_mac ON suspect(mac);
CREATE INDEX suspect_asset ON suspect(asset);

-- One network card in two zones, where it showed no address, or the same one, in one of them.
INSERT INTO sign
SELECT a.asset, 'homes', 'mac', CASE WHEN a.ip IS b.ip THEN 1 ELSE 3 END, a.zone, NULL, b.zone,
       'speaks with the same MAC address ' || a.mac || ' in ' || a.zone || ' and in ' || b.zone,
       MIN(a.time, b.time), MAX(a.last, b.last), json_array(a.evidence, b.evidence)
FROM home a JOIN home b ON b.asset = a.asset AND b.mac = a.mac AND a.zone < b.zone AND (a.is_crane OR b.is_crane)
JOIN asset s ON s.name = a.asset AND s.role IS NOT 'switch'
WHERE NOT EXISTS (SELECT 1 FROM multi_homed m WHERE m.asset = a.asset AND m.sign = 'addresses')
GROUP BY a.asset, a.mac, a.zone, b.zone;

-- What many show is their maker's default, or a name that nobody chose.
INSERT INTO sign
SELECT a.asset, 'homes', 'common-' || a.sign, 1, ha.zone, c.asset, c.zone,
       'shows the ' || a.words || ' ' || a.value || ', as do ' || c.others || ' others, one of them in ' || c.zone,
       MIN(ha.time), MAX(ha.last), json_array(a.evidence, c.evidence)
FROM (SELECT n.sign, n.value, n.assets - 1 AS others, MIN(b.asset) AS asset, hb.zone, b.evidence
      FROM mark_count n
      CROSS JOIN mark b ON b.sign = n.sign AND b.value = n.value
      JOIN home hb ON hb.asset = b.asset AND NOT hb.is_crane
      WHERE n.assets > 3
      GROUP BY n.sign, n.value) c
JOIN mark a ON a.sign = c.sign AND a.value = c.value AND NOT a.declared AND a.asset <> c.asset
JOIN home ha ON ha.asset = a.asset AND ha.is_crane
GROUP BY a.asset, a.sign, a.value;
-- One clock in the TCP timestamps of two systems: its rate, and its zero to the second, seen within an hour of each other. Whoever
-- shows zeros far apart adds a number for each peer (Linux since 4.10); many that began together were turned on together.
CREATE TABLE tcp_clock AS
SELECT i.asset, s.declared, i.value, CAST(i.value AS INTEGER) AS rate, CAST(round(seconds_between('1970-01-01T00:00:00Z', substr(i.value, instr(i.value, ' from ') + 6))) AS INTEGER) AS zero,
       seconds_between('1970-01-01T00:00:00Z', MIN(i.time)) AS begins, seconds_between('1970-01-01T00:00:00Z', MAX(i.last)) AS ends, MIN('identity:' || i.id) AS evidence
FROM identity i JOIN asset s ON s.name = i.asset
WHERE i.attribute = 'tcp_clock'
GROUP BY i.asset, i.value;
CREATE INDEX tcp_clock_zero ON tcp_clock(rate, zero);
DELETE FROM tcp_clock WHERE asset IN (SELECT asset FROM tcp_clock GROUP BY asset HAVING COUNT(DISTINCT rate) > 1 OR MAX(zero) - MIN(zero) > 120);
INSERT INTO sign
SELECT a.asset, 'homes', 'tcp_clock', 1, ha.zone, b.asset, hb.zone,
       'counts its TCP timestamps (' || a.value || ') as ' || b.asset || ' in ' || hb.zone || ' does',
       MIN(ha.time, hb.time), MAX(ha.last, hb.last), json_array(a.evidence, b.evidence)
FROM tcp_clock a
JOIN tcp_clock b ON b.rate = a.rate AND b.zero BETWEEN a.zero - 1 AND a.zero + 1 AND b.asset <> a.asset
     AND a.begins <= b.ends + 3600 AND b.begins <= a.ends + 3600
JOIN home ha ON ha.asset = a.asset AND ha.is_crane
JOIN home hb ON hb.asset = b.asset AND hb.zone <> ha.zone AND NOT (hb.is_crane AND (a.declared AND b.declared OR b.asset < a.asset))
WHERE (SELECT COUNT(DISTINCT c.asset) FROM tcp_clock c WHERE c.rate = a.rate AND c.zero BETWEEN a.zero - 1 AND a.zero + 1) <= 3
GROUP BY a.asset, b.asset;
DROP TABLE tcp_clock;
-- One moment in which two systems had their clocks set by NTP, to the fraction of a nanosecond.
INSERT INTO sign
SELECT a.asset, 'homes', 'ntp_clock', 3, MIN(ha.zone), b.asset, MIN(hb.zone),
       'had its clock set in the same moment as ' || b.asset || ' in ' || MIN(hb.zone) || ' (' || MIN(a.value) || ')',
       MIN(MIN(a.time), MIN(b.time)), MAX(MAX(a.last), MAX(b.last)), json_array('identity:' || MIN(a.id), 'identity:' || MIN(b.id))
FROM identity a
JOIN identity b ON b.attribute = 'ntp_clock' AND b.value = a.value AND b.asset <> a.asset
JOIN asset sa ON sa.name = a.asset
JOIN asset sb ON sb.name = b.asset
JOIN home ha ON ha.asset = a.asset AND ha.is_crane
JOIN home hb ON hb.asset = b.asset AND hb.zone <> ha.zone AND NOT (hb.is_crane AND (sa.declared AND sb.declared OR b.asset < a.asset))
WHERE a.attribute = 'ntp_clock'
GROUP BY a.asset, b.asset;
DROP TABLE mark;
DROP TABLE mark_count;
DROP TABLE home;

-- A MAC address that sends for others: a router of some kind, if not a declared one.
INSERT INTO sign
SELECT s.asset, 'path', 'carries', CASE WHEN COUNT(DISTINCT a.ip) > 1 THEN 3 ELSE 1 END, MIN(s.zone), NULL, NULL,
       'sends packets of ' || plural(COUNT(DISTINCT a.ip), 'address', 'addresses') || ' that ' || CASE WHEN COUNT(DISTINCT a.ip) > 1 THEN 'are' ELSE 'is' END
           || ' not its own (' || MIN(a.ip) || CASE WHEN COUNT(DISTINCT a.ip) > 1 THEN ' and others' ELSE '' END || ')',
       MIN(a.time), MAX(a.last), json_array('address:' || MIN(a.id))
FROM address a JOIN suspect s ON s.mac = a.mac
WHERE a.own = 0 AND NOT a.claimed AND a.asset <> s.asset
GROUP BY s.asset;

-- One that answers ARP for an address of another zone, beside its own in this one.
INSERT INTO sign
SELECT s.asset, 'path', 'proxy-arp', 3, MIN(s.zone), NULL, MIN(a.zone),
       'claims ' || MIN(a.ip) || CASE WHEN COUNT(DISTINCT a.ip) > 1 THEN ' and others' ELSE '' END || ' of zone ' || MIN(a.zone) || ' by ARP in ' || MIN(a.vlan_zone)
           || ', where it has an address of its own, as one that answers for others does',
       MIN(a.time), MAX(a.last), json_array('address:' || MIN(a.id))
FROM address a JOIN suspect s ON s.mac = a.mac
WHERE a.claimed AND a.own = 0 AND a.zone IS NOT a.vlan_zone
GROUP BY s.asset;

-- One MAC address that answers for many. Who gets its address by DHCP has one after the other: of these count that are claimed while
-- another still is.
INSERT INTO sign
SELECT asset, 'path', 'answers-for-many', CASE WHEN COUNT(DISTINCT ip) >= 16 THEN 6 ELSE 3 END, MIN(zone), NULL, NULL,
       'claims ' || COUNT(DISTINCT ip) || ' addresses by ARP, from ' || MIN(ip) || ' on, as a proxy does',
       MIN(time), MAX(last), json_array('address:' || MIN(id))
FROM (SELECT s.asset, s.mac, s.zone, a.id, a.ip, a.vlan, a.time, a.last,
             s.mac IN (SELECT i.mac FROM identity i WHERE i.source = 'dhcp') AS lent,
             MAX(a.last) OVER (PARTITION BY s.asset, s.mac, a.vlan ORDER BY a.time, a.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM address a JOIN (SELECT asset, mac, MIN(zone) AS zone FROM suspect GROUP BY asset, mac) s ON s.mac = a.mac
      WHERE a.claimed AND instr(a.ip, ':') = 0 AND NOT in_net(a.ip, '169.254.0.0/16'))
WHERE NOT lent OR before IS NULL OR time < before
GROUP BY asset, mac, vlan
HAVING COUNT(DISTINCT ip) >= 4;

CREATE TABLE claim AS
SELECT id, mac, ip, vlan, time, last FROM address
WHERE claimed AND ip IN (SELECT ip FROM address WHERE claimed GROUP BY ip HAVING COUNT(DISTINCT mac) BETWEEN 2 AND 8);
CREATE INDEX claim_ip ON claim(ip);
-- Two that claim one address at the same time. An address that is lent again later is no conflict, nor is one that the
-- members of a virtual router share.
INSERT INTO sign
SELECT s.asset, 'path', 'conflict', 3, MIN(s.zone), NULL, NULL,
       'claims ' || a.ip || ', as ' || b.mac || ' does in the same time', MAX(a.time, b.time), MIN(a.last, b.last),
       json_array('address:' || a.id, 'address:' || b.id)
FROM claim a
JOIN claim b ON b.ip = a.ip AND b.vlan IS a.vlan AND b.mac <> a.mac AND a.time < b.last AND b.time < a.last
JOIN suspect s ON s.mac = a.mac
WHERE NOT a.mac LIKE '00:00:5e:00:0%' AND NOT b.mac LIKE '00:00:5e:00:0%'
  AND NOT (s.declared AND EXISTS (SELECT 1 FROM site_interface i WHERE i.asset = s.asset AND (i.ip = a.ip OR i.ip IS NULL AND i.mac = a.mac AND i.vlan IS COALESCE(a.vlan, i.vlan))))
GROUP BY s.asset, a.ip;

-- A second service that the site file does not know.
INSERT INTO sign
SELECT s.asset, 'path', 'dns', 3, MIN(s.zone), NULL, NULL,
       'answers DNS questions, though the site file declares no such server', MIN(n.time), MAX(n.last), json_array('name:' || MIN(n.id))
FROM (SELECT id, server, time, last FROM name WHERE via = 'dns' AND answered = 1) n
JOIN (SELECT DISTINCT ip, asset FROM presence) p ON p.ip = n.server
JOIN suspect s ON s.asset = p.asset AND NOT s.declared
GROUP BY s.asset;
INSERT INTO sign
SELECT s.asset, 'path', 'ntp', 1, MIN(s.zone), NULL, NULL,
       'gives the time by NTP, though the site file declares no such server', MIN(i.time), MAX(i.last), json_array('identity:' || MIN(i.id))
FROM identity i JOIN suspect s ON s.asset = i.asset AND NOT s.declared
WHERE i.source = 'ntp' AND i.value LIKE 'time server%'
GROUP BY s.asset;

-- What it says of itself. A role that was guessed from what it carries or offers is told by that sign.
INSERT INTO sign
SELECT s.asset, 'path', 'role', 3, MIN(s.zone), NULL, NULL,
       'says that it is a ' || CASE s.role WHEN 'wireless' THEN 'wireless access point' ELSE s.role END || COALESCE(' (' || a.role_why || ')', '')
           || ', and the site file does not declare it', MIN(s.time), MAX(s.last), json_array(MIN(s.evidence))
FROM suspect s JOIN asset a ON a.name = s.asset
WHERE NOT s.declared AND s.role IN ('router', 'firewall', 'wireless') AND a.role_grade = 'stated'
GROUP BY s.asset;

-- Makers of routers for homes and travel, by the beginning of the registered name; each name ends where a word does.
CREATE TABLE home_router_maker(name TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO home_router_maker VALUES
    ('asustek'), ('avm'), ('belkin'), ('buffalo'), ('cisco-linksys'), ('d-link'), ('edimax'), ('gl technologies'), ('linksys'), ('mercusys'),
    ('mikrotikls'), ('netgear'), ('routerboard.com'), ('shenzhen tenda'), ('tenda'), ('tp-link'), ('zyxel');
INSERT INTO sign
SELECT s.asset, 'path', 'home-router', 3, MIN(s.zone), NULL, NULL,
       'is made by ' || a.maker || COALESCE(' (by ' || a.maker_why || ')', '') || ', a maker of routers for homes and travel',
       MIN(s.time), MAX(s.last), json_array(MIN(s.evidence))
FROM suspect s JOIN asset a ON a.name = s.asset
-- There are many devices and few makers.
WHERE NOT s.declared AND a.maker IN (
      SELECT k.maker FROM (SELECT DISTINCT maker FROM asset) k JOIN home_router_maker m
      ON lower(k.maker) = m.name OR (substr(lower(k.maker), 1, length(m.name)) = m.name AND substr(k.maker, length(m.name) + 1, 1) IN (' ', ',', '-')))
GROUP BY s.asset;
-- The second bit of a MAC address says that nobody registered it (IEEE 802, 8.2.2): tethered telephones, virtual machines.
INSERT INTO sign
SELECT s.asset, 'path', 'local-mac', 1, MIN(s.zone), NULL, NULL,
       'has a MAC address that no maker registered (' || s.mac || ')', MIN(s.time), MAX(s.last), json_array(MIN(s.evidence))
FROM suspect s
WHERE NOT s.declared AND substr(s.mac, 2, 1) IN ('2', '6', 'a', 'e')
GROUP BY s.asset;

-- Several systems behind one address.
INSERT INTO sign
SELECT s.asset, 'path', 'names', 3, MIN(s.zone), NULL, NULL,
       'shows ' || n.count || ' host names (' || listed(n.names) || '), as if several systems were behind it', n.time, n.last, json_array(n.evidence)
FROM (SELECT asset, COUNT(*) AS count, json_group_array(name) AS names, MIN(time) AS time, MAX(last) AS last, MIN(evidence) AS evidence
      FROM (SELECT i.asset, lower(CASE WHEN instr(i.value, '.') > 1 THEN substr(i.value, 1, instr(i.value, '.') - 1) ELSE i.value END) AS name,
                   MIN(i.time) AS time, MAX(i.last) AS last, MIN('identity:' || i.id) AS evidence
            FROM identity i WHERE i.attribute = 'hostname' AND i.grade = 'stated' GROUP BY 1, 2 ORDER BY 1, 2)
      GROUP BY asset HAVING COUNT(*) >= 3) n
JOIN suspect s ON s.asset = n.asset
GROUP BY s.asset;
INSERT INTO sign
SELECT s.asset, 'path', 'systems', 1, MIN(s.zone), NULL, NULL,
       'shows Windows and another operating system (' || n.one || ' and ' || n.other || ')', n.time, n.last, n.evidence
FROM (SELECT asset, MAX(value) FILTER (WHERE value LIKE 'Windows%') AS one, MIN(value) FILTER (WHERE value NOT LIKE 'Windows%') AS other,
             MIN(time) AS time, MAX(last) AS last, json_array('identity:' || MIN(id), 'identity:' || MAX(id)) AS evidence
      FROM identity WHERE attribute = 'os' GROUP BY asset HAVING one IS NOT NULL AND other IS NOT NULL) n
JOIN suspect s ON s.asset = n.asset
GROUP BY s.asset;

-- An address of this network that comes from one hop away: something stands in between.
INSERT INTO sign
SELECT s.asset, 'path', 'distance', 1, MIN(s.zone), NULL, NULL,
       'sends as ' || a.ip || ' with a TTL one lower than systems begin with, as from behind a router',
       MIN(a.time), MAX(a.last), json_array('address:' || MIN(a.id))
FROM address a JOIN suspect s ON s.mac = a.mac AND s.asset = a.asset
WHERE a.own = 1 AND a.hops = 1 AND a.zone = a.vlan_zone
GROUP BY s.asset;

DROP TABLE suspect;
DROP TABLE claim;
CREATE INDEX sign_asset ON sign(tells, asset);

-- What one system's signs weigh together.
CREATE VIEW sign_sum AS
SELECT asset, tells, SUM(weight) AS weight
FROM (SELECT asset, tells, kind, MAX(weight) AS weight FROM sign GROUP BY asset, tells, kind)
GROUP BY asset, tells;
