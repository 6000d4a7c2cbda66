-- Where devices are, and which of them are out of place. Runs before conversations are read.

CREATE INDEX asset_name ON asset(name);
CREATE INDEX site_asset_name ON site_asset(name);
CREATE INDEX site_interface_asset ON site_interface(asset);
CREATE INDEX site_zone_name ON site_zone(name);

-- A sensor that sees one zone alone places what it captures, even where the address says nothing.
CREATE VIEW sensor_segment AS
SELECT name AS sensor, json_extract(sees, '$[0]') AS zone FROM site_sensor WHERE json_array_length(sees) = 1;

CREATE TABLE presence AS
SELECT a.asset, s.declared, s.role, z.name AS zone, z.kind AS zone_kind, z.is_crane, a.vlan, a.ip, a.ip_zone, a.ip_kind,
       a.mac, a.time, a.last, a.evidence
FROM (
    SELECT d.id, d.asset, d.vlan, d.mac, d.time, d.last,
           CASE WHEN d.local THEN NULL ELSE d.ip END AS ip,
           CASE WHEN d.local OR d.ip IS NULL THEN NULL ELSE d.zone END AS ip_zone,
           CASE WHEN d.local OR d.ip IS NULL THEN NULL ELSE i.kind END AS ip_kind,
           COALESCE(d.vlan_zone,
                    CASE WHEN d.local OR i.kind IS NULL OR i.kind = 'internet' THEN g.zone END,
                    CASE WHEN d.local AND i.kind = 'internet' THEN NULL ELSE d.zone END) AS segment,
           'address:' || d.id AS evidence
    FROM (SELECT *, ip IS NOT NULL AND (in_net(ip, '169.254.0.0/16') OR in_net(ip, 'fe80::/10') OR in_net(ip, '224.0.0.0/4')
                    OR in_net(ip, 'ff00::/8') OR ip IN ('0.0.0.0', '::', '255.255.255.255')) IS TRUE AS local
          FROM address WHERE own IS NOT 0) d
    LEFT JOIN site_zone i ON i.name = d.zone
    LEFT JOIN capture_file c ON c.name = d.capture
    LEFT JOIN sensor_segment g ON g.sensor = c.sensor
) a
JOIN asset s ON s.name = a.asset AND s.remote IS NOT 1
LEFT JOIN site_zone z ON z.name = a.segment
ORDER BY a.id;
CREATE INDEX presence_asset ON presence(asset, zone);
CREATE INDEX presence_zone ON presence(zone);

-- Makers of cellular modems and routers, by the first word of the registered name.
CREATE TABLE cellular_maker(name TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO cellular_maker VALUES
    ('airlink'), ('cradlepoint'), ('fibocom'), ('four-faith'), ('hongdian'), ('inhand'), ('meig'), ('milesight'),
    ('neoway'), ('netcomm'), ('netmodule'), ('novatel'), ('peplink'), ('proscend'), ('quectel'), ('robustel'), ('sequans'),
    ('sierra'), ('simcom'), ('telit'), ('teltonika'), ('u-blox'), ('usr'), ('wavecom');

-- What joins networks by trade or is declared for the way out is no hidden path.
CREATE VIEW known_gateway AS
SELECT name FROM site_asset WHERE joins_networks OR role IN ('modem', 'wireless');

CREATE TABLE path_sign(asset TEXT, sign TEXT, zone TEXT, detail TEXT, time TEXT, last TEXT, evidence TEXT);
INSERT INTO path_sign
SELECT s.name, 'cellular', MIN(p.zone),
       'is ' || CASE WHEN s.role = 'modem' THEN 'a modem' ELSE 'cellular equipment' END
             || CASE WHEN s.maker IS NULL THEN '' ELSE ' (maker ' || s.maker || COALESCE(', by ' || s.maker_why, '') || ')' END
             || ', which the site file does not declare as one',
       MIN(p.time), MAX(p.last), MIN(p.evidence)
FROM asset s JOIN presence p ON p.asset = s.name AND (p.is_crane OR p.zone_kind = 'dmz')
WHERE s.name NOT IN (SELECT name FROM known_gateway)
  AND (s.role = 'modem'
       OR (s.declared = 0 AND s.maker IN (
             -- There are many devices and few makers.
             SELECT k.maker FROM (SELECT DISTINCT maker FROM asset) k JOIN cellular_maker m
             ON lower(k.maker) = m.name OR lower(k.maker) LIKE m.name || ' %' OR lower(k.maker) LIKE m.name || ',%'
                OR lower(k.maker) LIKE m.name || '-%')))
GROUP BY s.name;

CREATE VIEW crane_route AS
SELECT r.id, r.via, r.time, r.last, r.zone, r.to_zone, r.gateway, r.detail, r.mac, r.ip,
       COALESCE(r.asset, r.ip, r.mac) AS device
FROM route r
WHERE EXISTS (SELECT 1 FROM site_zone z WHERE z.is_crane AND z.name IN (r.zone, r.to_zone));

INSERT INTO path_sign
SELECT device, 'dhcp', zone,
       'hands out addresses by DHCP' || COALESCE(', naming ' || gateway || ' as gateway', '')
           || ', though the site file declares no such server',
       time, last, 'route:' || id
FROM crane_route
WHERE via = 'dhcp' AND device NOT IN (SELECT name FROM site_asset WHERE joins_networks OR role IN ('server', 'wireless', 'modem'));

INSERT INTO path_sign
SELECT device, 'gateway', zone,
       CASE via WHEN 'ra' THEN CASE WHEN instr(ip, ':') THEN 'announces itself as an IPv6 router' ELSE 'announces itself as a router' END
                WHEN 'redirect' THEN 'redirects hosts to another way'
                WHEN 'vrrp' THEN 'offers a virtual router by VRRP'
                WHEN 'carp' THEN 'shares an address by CARP'
                WHEN 'hsrp' THEN 'offers a virtual router by HSRP'
                WHEN 'glbp' THEN 'offers a virtual router by GLBP'
                WHEN 'ospf' THEN 'tells other routers of routes by OSPF'
                WHEN 'eigrp' THEN 'tells other routers of routes by EIGRP'
                WHEN 'rip' THEN 'tells other routers of routes by RIP'
                ELSE 'brings what hosts of the internet send' END
           || ', though the site file declares no such gateway',
       time, last, 'route:' || id
FROM crane_route
WHERE via IN ('ra', 'redirect', 'default-route', 'vrrp', 'carp', 'hsrp', 'glbp', 'ospf', 'eigrp', 'rip') AND device NOT IN (SELECT name FROM known_gateway)
  -- Where only its MAC address is known, it may be the terminal's own router, which the site file gives by an address; and what is
  -- of the internet, the site file says.
  AND (via <> 'default-route'
       OR device <> mac AND mac IN (SELECT a.mac FROM address a JOIN site_zone z ON z.name = a.zone AND z.kind = 'internet'
                                    WHERE a.own = 0 AND NOT a.claimed));

-- A declared server that sends hosts to a gateway nobody declared.
INSERT INTO path_sign
SELECT r.gateway, 'names-gateway', r.zone,
       'is named as gateway by ' || r.device || ' (' || r.via || '), though the site file declares no such gateway',
       r.time, r.last, 'route:' || r.id
FROM crane_route r
WHERE r.via IN ('dhcp', 'redirect') AND r.gateway IS NOT NULL
  AND r.device NOT IN (SELECT asset FROM path_sign)
  AND NOT EXISTS (SELECT 1 FROM site_interface i JOIN known_gateway k ON k.name = i.asset WHERE i.ip = r.gateway)
  AND NOT EXISTS (SELECT 1 FROM address a JOIN known_gateway k ON k.name = a.asset WHERE a.ip = r.gateway);

-- What carries packets and speaks for nobody is the terminal's own router, where none is declared, or none by its MAC
-- address: a hint that the site file lacks it. What it carries is told on its own, since all of the terminal's traffic passes there.
CREATE TABLE nameless_router AS
SELECT DISTINCT r.device FROM crane_route r
WHERE r.via = 'forwards' AND r.device = r.mac
  AND NOT EXISTS (SELECT 1 FROM address a WHERE a.mac = r.mac AND a.own IS NOT 0 AND a.ip IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM site_asset k LEFT JOIN site_interface i ON i.asset = k.name LEFT JOIN address a ON a.asset = k.name AND a.own IS NOT 0
                  WHERE k.role IN ('router', 'firewall') AND COALESCE(i.mac, a.mac) IS NOT NULL);

INSERT INTO path_sign
SELECT device, 'forwards', zone,
       'forwards packets between ' || MIN(zone_name(zone), zone_name(to_zone)) || ' and ' || MAX(zone_name(zone), zone_name(to_zone)),
       time, last, 'route:' || id
FROM crane_route
WHERE via = 'forwards' AND zone IS NOT to_zone AND device NOT IN (SELECT name FROM known_gateway)
  AND device NOT IN (SELECT device FROM nameless_router);

INSERT INTO path_sign
SELECT p.asset, 'address', p.zone,
       'uses ' || p.ip || ' in zone ' || p.zone || CASE WHEN p.vlan IS NULL THEN '' ELSE ' (VLAN ' || p.vlan || ')' END
           || ', an address that belongs to no zone of the terminal',
       MIN(p.time), MAX(p.last), MIN(p.evidence)
FROM presence p
WHERE p.is_crane AND p.ip IS NOT NULL AND (p.ip_zone IS NULL OR p.ip_kind = 'internet')
  AND p.asset NOT IN (SELECT name FROM known_gateway)
  AND NOT EXISTS (SELECT 1 FROM site_interface i WHERE i.asset = p.asset AND i.ip = p.ip)
GROUP BY p.asset, p.ip, p.zone;
CREATE INDEX path_sign_asset ON path_sign(asset);

-- Homes of systems that do not join networks by trade.
CREATE TABLE multi_homed(asset TEXT, other TEXT, zone TEXT, other_zone TEXT, sign TEXT, detail TEXT, time TEXT, last TEXT,
                         evidence TEXT);
CREATE TABLE home AS
SELECT p.asset, p.zone, p.is_crane, p.ip, p.mac, MIN(p.time) AS time, MAX(p.last) AS last, MIN(p.evidence) AS evidence,
       EXISTS (SELECT 1 FROM site_interface i WHERE i.asset = p.asset AND i.zone = p.zone) AS named
FROM presence p
WHERE p.zone IS NOT NULL AND p.zone_kind <> 'internet' AND p.asset NOT IN (SELECT name FROM site_asset WHERE joins_networks)
GROUP BY p.asset, p.zone, p.ip, p.mac;
CREATE INDEX home_asset ON home(asset);

INSERT INTO multi_homed
SELECT a.asset, NULL, a.zone, b.zone, 'addresses',
       'has ' || COALESCE(a.ip, a.mac) || ' in ' || a.zone || ' and ' || COALESCE(b.ip, b.mac) || ' in ' || b.zone,
       -- One home is named in the site file: the packets to look at are those of the other.
       CASE WHEN a.named = b.named THEN MIN(a.time, b.time) WHEN b.named THEN a.time ELSE b.time END,
       CASE WHEN a.named = b.named THEN MAX(a.last, b.last) WHEN b.named THEN a.last ELSE b.last END,
       CASE WHEN a.named = b.named THEN json_array(a.evidence, b.evidence) WHEN b.named THEN json_array(a.evidence) ELSE json_array(b.evidence) END
FROM home a JOIN home b ON b.asset = a.asset AND a.zone < b.zone AND (a.is_crane OR b.is_crane)
WHERE a.ip IS NOT b.ip AND a.ip IS NOT NULL AND b.ip IS NOT NULL
GROUP BY a.asset, a.zone, b.zone;

INSERT INTO multi_homed
SELECT a.asset, NULL, a.zone, b.zone, 'declared',
       'is declared with ' || COALESCE(a.ip, a.mac, 'VLAN ' || a.vlan) || ' in ' || a.zone || ' and '
           || COALESCE(b.ip, b.mac, 'VLAN ' || b.vlan) || ' in ' || b.zone,
       NULL, NULL, json_array('site:' || s.file || ':' || s.line)
FROM site_interface a
JOIN site_interface b ON b.asset = a.asset AND a.zone < b.zone
JOIN site_asset s ON s.name = a.asset AND NOT s.joins_networks
JOIN site_zone za ON za.name = a.zone
JOIN site_zone zb ON zb.name = b.zone
WHERE za.is_crane OR zb.is_crane
GROUP BY a.asset, a.zone, b.zone;

-- The same host name, key, SNMP engine, serial number, DHCP or SMB identifier, LLDP chassis or PTP clock in two zones: one system that looks like two. One of the two is a stranger, or one is of
-- the crane network and the other is not; two declared assets of the crane network are what the site file says.
CREATE TABLE mark AS
SELECT s.name AS asset, s.declared, 'hostname' AS sign, rtrim(replace(lower(h.value) || '|', '.local|', ''), '|') AS value,
       'asset:' || s.id AS evidence
FROM asset s, json_each(s.hostnames) h
WHERE s.seen AND length(h.value) > 2 AND lower(h.value) NOT IN ('localhost', 'localhost.localdomain', '(none)', 'unknown', 'default')
UNION
SELECT i.asset, s.declared, i.attribute, i.value, MIN('identity:' || i.id)
FROM identity i JOIN asset s ON s.name = i.asset
-- A serial number of a few digits, or of one alone, is no number of a kind.
WHERE i.attribute IN ('key', 'engine', 'guid', 'clock_id')
   -- DHCP: a DUID or a hardware address; a name is one that somebody chose. LLDP: likewise.
   OR (i.attribute = 'client_id' AND i.source IN ('dhcp', 'dhcpv6') AND (i.value LIKE 'DUID %' OR (length(i.value) >= 12 AND i.value NOT GLOB '*[^0-9a-f]*')))
   OR (i.attribute = 'chassis' AND i.value LIKE '__:__:__:__:__:__')
   OR (i.attribute = 'serial' AND length(i.value) >= 6 AND replace(i.value, substr(i.value, 1, 1), '') <> '')
GROUP BY i.asset, i.attribute, i.value;
ALTER TABLE mark ADD COLUMN words;
UPDATE mark SET words = CASE sign WHEN 'key' THEN 'key' WHEN 'engine' THEN 'SNMP engine' WHEN 'serial' THEN 'serial number' WHEN 'client_id' THEN 'DHCP identifier'
    WHEN 'guid' THEN 'SMB identifier' WHEN 'chassis' THEN 'LLDP chassis' WHEN 'clock_id' THEN 'PTP clock' ELSE 'host name' END;
CREATE INDEX mark_value ON mark(sign, value);
-- What more than three show is a maker's default: a hint at most (derived_signs.sql).
CREATE TABLE mark_count AS SELECT sign, value, COUNT(DISTINCT asset) AS assets FROM mark GROUP BY sign, value;

INSERT INTO multi_homed
SELECT CASE WHEN b.declared THEN b.asset ELSE a.asset END, CASE WHEN b.declared THEN a.asset ELSE b.asset END,
       CASE WHEN b.declared THEN hb.zone ELSE ha.zone END, CASE WHEN b.declared THEN ha.zone ELSE hb.zone END, a.sign,
       'shows the same ' || a.words || ' ' || a.value || ' as '
           || CASE WHEN b.declared THEN COALESCE(b.asset, hb.ip) || ' in ' || hb.zone || ' and as ' || a.asset || ' in ' || ha.zone
                   ELSE a.asset || ' in ' || ha.zone || ' and as ' || b.asset || ' in ' || hb.zone END,
       MIN(ha.time, hb.time), MAX(ha.last, hb.last), json_array(a.evidence, b.evidence, ha.evidence, hb.evidence)
FROM mark_count c
CROSS JOIN mark a ON a.sign = c.sign AND a.value = c.value
CROSS JOIN mark b ON b.sign = c.sign AND b.value = c.value AND b.asset <> a.asset AND (a.declared, a.asset) < (b.declared, b.asset)
JOIN home ha ON ha.asset = a.asset
JOIN home hb ON hb.asset = b.asset AND hb.zone <> ha.zone
WHERE c.assets BETWEEN 2 AND 3 AND (ha.is_crane OR hb.is_crane) AND NOT (a.declared AND b.declared AND ha.is_crane AND hb.is_crane)
GROUP BY a.asset, b.asset, a.sign, a.value;
CREATE INDEX multi_homed_asset ON multi_homed(asset);

-- Core control beside what is not: who is in which zone, as seen or, where not seen, as declared.
CREATE TABLE lodger AS
SELECT p.asset, d.name IS NOT NULL AS declared, COALESCE(d.role, p.role) AS role, p.zone, p.zone_kind, p.vlan, MIN(p.time) AS time, MAX(p.last) AS last,
       MIN(p.evidence) AS evidence
FROM presence p LEFT JOIN site_asset d ON d.name = p.asset
WHERE p.zone_kind IN ('crane-control', 'crane-auxiliary')
GROUP BY p.asset, p.zone
UNION ALL
SELECT i.asset, 1, d.role, i.zone, z.kind, i.vlan, NULL, NULL, 'site:' || d.file || ':' || d.line
FROM site_interface i
JOIN site_asset d ON d.name = i.asset
JOIN site_zone z ON z.name = i.zone AND z.kind IN ('crane-control', 'crane-auxiliary')
WHERE NOT EXISTS (SELECT 1 FROM presence p WHERE p.asset = i.asset)
GROUP BY i.asset, i.zone;
CREATE INDEX lodger_zone ON lodger(zone);

CREATE VIEW core_lodger AS SELECT * FROM lodger WHERE role IN ('plc', 'drive', 'remote-io', 'safety');
-- The role of a stranger is a guess: only what makes pictures is told apart by it, anything else is unknown first.
CREATE VIEW side_lodger AS
SELECT * FROM lodger
WHERE (role IN ('camera', 'scanner') OR (declared AND role IN ('printer', 'workstation', 'tos', 'modem')))
  AND asset NOT IN (SELECT asset FROM path_sign);

-- A conduit that names both devices says why this camera belongs to control (remote driving, for one).
CREATE VIEW core_exception AS
SELECT from_asset AS asset, to_asset AS core, conduit FROM site_conduit_pair WHERE from_asset IS NOT NULL AND to_asset IS NOT NULL
UNION
SELECT to_asset, from_asset, conduit FROM site_conduit_pair WHERE from_asset IS NOT NULL AND to_asset IS NOT NULL;

CREATE TABLE core_shared AS
SELECT s.asset, s.role, s.zone, json_group_array(DISTINCT c.asset) AS core, s.vlan, s.time, s.last, json_array(s.evidence) AS evidence
FROM side_lodger s JOIN core_lodger c ON c.zone = s.zone AND c.asset <> s.asset
WHERE s.zone_kind = 'crane-control'
  AND NOT EXISTS (SELECT 1 FROM core_exception e JOIN core_lodger k ON k.asset = e.core AND k.zone = s.zone WHERE e.asset = s.asset)
GROUP BY s.asset, s.zone
UNION ALL
SELECT c.asset, c.role, c.zone, json_group_array(DISTINCT s.asset), c.vlan, c.time, c.last, json_array(c.evidence)
FROM core_lodger c JOIN side_lodger s ON s.zone = c.zone AND c.asset <> s.asset
WHERE c.zone_kind = 'crane-auxiliary' AND c.declared
  AND NOT EXISTS (SELECT 1 FROM core_exception e WHERE e.core = c.asset AND e.asset = s.asset)
GROUP BY c.asset, c.zone;
