-- What each unexplained flow tells. One flow tells one story: the first that fits, in the order below.

CREATE INDEX flow_pair ON flow(client_asset, server_asset);
CREATE INDEX flow_server ON flow(server_asset);

-- One host trying many doors within a short time: refused, unanswered, empty or echo only, none of them explained. A pause
-- of a minute ends a burst.
CREATE TABLE prober AS
WITH try AS (
    SELECT client_asset, client_zone, server, COALESCE(server_asset, server) AS host, server_zone, server || ' ' || transport || COALESCE(server_port, '') AS door, time, last,
           CASE WHEN seconds_between(LAG(last) OVER w, time) <= 60 THEN 0 ELSE 1 END AS begins
    FROM flow
    WHERE unexplained AND NOT server_local AND (client_crane OR server_crane) AND (exchanged = 0 OR transport IN ('icmp', 'icmp6'))
    WINDOW w AS (PARTITION BY client_asset ORDER BY time, id)
),
burst AS (SELECT *, SUM(begins) OVER (PARTITION BY client_asset ORDER BY time ROWS UNBOUNDED PRECEDING) AS nth FROM try),
-- Hosts of which many ports were tried: the aim of the scan, where the others are only asked whether they are there.
aim AS (SELECT client_asset, nth, host FROM burst GROUP BY client_asset, nth, host HAVING COUNT(DISTINCT door) >= 8)
SELECT client_asset AS asset, MIN(client_zone) AS zone, COUNT(DISTINCT server) AS targets, COUNT(DISTINCT door) AS doors,
       CASE WHEN COUNT(DISTINCT server) = 1 THEN MIN(host) END AS host,
       (SELECT json_group_array(a.host) FROM aim a WHERE a.client_asset = burst.client_asset AND a.nth = burst.nth) AS aims,
       json_group_array(DISTINCT server_zone) AS toward, MIN(time) AS time, MAX(last) AS last
FROM burst
GROUP BY client_asset, nth
HAVING targets >= 5 OR doors >= 8
ORDER BY client_asset, nth;
CREATE INDEX prober_asset ON prober(asset);

-- Ends outside the terminal: a third party, the internet, or an address of no zone at all.
CREATE VIEW flow_sides AS
SELECT id,
       client_party IS NOT NULL OR (NOT client_local AND (client_kind IS NULL OR client_kind IN ('internet', 'third-party'))) AS client_outside,
       server_party IS NOT NULL OR (NOT server_local AND (server_kind IS NULL OR server_kind IN ('internet', 'third-party'))) AS server_outside,
       client_kind IN ('crane-control', 'crane-auxiliary', 'crane-management') IS TRUE AS client_on_board,
       (protocol IN ('rdp', 'vnc', 'ssh', 'teamviewer', 'anydesk', 'rustdesk', 'remote-support') OR needless = 'remote desktop'
           OR session NOT IN ('telnet', 'ftp')) IS TRUE AS desk,
       -- A tool of vendors calls out, and lets whoever is at the other end work here.
       (protocol IN ('teamviewer', 'anydesk', 'rustdesk', 'remote-support') OR session NOT IN ('telnet', 'ftp', 'ssh', 'rdp', 'vnc', 'guacamole', 'web-terminal')) IS TRUE AS tool
FROM flow;

-- Devices of the crane network that nobody declared: what they do is part of what they are, unless it did harm of its own.
CREATE TABLE stranger(asset TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO stranger SELECT DISTINCT p.asset FROM presence p WHERE p.is_crane AND NOT p.declared;

-- Pairs of ends that some conduit joins, whatever it allows.
CREATE TABLE joined AS
SELECT DISTINCT COALESCE(from_asset, from_zone) AS origin, COALESCE(to_asset, to_zone) AS goal FROM site_conduit_pair;
CREATE INDEX joined_ends ON joined(origin, goal);

-- Files that came into the crane network by nobody's leave, with who asked whom for them.
CREATE TABLE file_in AS
SELECT f.id, f.protocol, COALESCE(f.source_asset, f.source) AS source_asset, COALESCE(f.target_asset, f.target) AS target_asset,
       CASE f.direction WHEN 'upload' THEN COALESCE(f.source_asset, f.source) ELSE COALESCE(f.target_asset, f.target) END AS client_asset,
       CASE f.direction WHEN 'upload' THEN COALESCE(f.target_asset, f.target) ELSE COALESCE(f.source_asset, f.source) END AS server_asset
FROM file f
WHERE f.enters AND NOT f.page AND f.bytes > 0 AND f.gate IS NULL AND f.work_order IS NULL AND f.conduit IS NULL;
CREATE INDEX file_in_ends ON file_in(client_asset, server_asset, protocol);

UPDATE flow SET story = (
    SELECT CASE
        -- A scan also sees what is open: what it exchanged meanwhile belongs to it, unless that did harm of its own.
        WHEN p.asset IS NOT NULL AND NOT flow.unauthorised AND NOT (s.desk AND flow.exchanged > 0 AND flow.bytes_out + flow.bytes_in > 20000) THEN 'scan'
        WHEN flow.hidden_by IS NOT NULL THEN 'hidden-path'
        WHEN flow.exchanged = 0 AND NOT flow.unauthorised THEN 'attempt'
        WHEN flow.platform IS NOT NULL THEN 'platform'
        WHEN s.desk AND flow.server_crane AND NOT s.client_on_board AND flow.client_role IS NOT 'jump-host' AND NOT flow.between_orders THEN 'remote-session'
        WHEN s.tool AND flow.client_crane AND s.server_outside AND NOT flow.between_orders THEN 'remote-session'
        WHEN flow.protocol = 'telnet' AND flow.server_crane AND s.client_outside THEN 'remote-session'
        -- What carried a file into the crane network is part of the file's story.
        WHEN (EXISTS (SELECT 1 FROM file_in i WHERE i.client_asset = flow.client_asset AND i.server_asset = flow.server_asset AND i.protocol = flow.protocol)
              OR EXISTS (SELECT 1 FROM file_in i WHERE i.client_asset = flow.server_asset AND i.server_asset = flow.client_asset AND i.protocol = flow.protocol))
             AND NOT EXISTS (SELECT 1 FROM stranger x WHERE x.asset IN (flow.client_asset, flow.server_asset)) THEN 'file'
        -- Files that such a service carries across zones otherwise are part of its story.
        WHEN flow.needless IN ('ftp', 'tftp', 'file sharing') AND flow.crosses AND (flow.client_crane OR flow.server_crane)
             AND NOT EXISTS (SELECT 1 FROM stranger x WHERE x.asset IN (flow.client_asset, flow.server_asset)) THEN 'needless-service'
        WHEN flow.unauthorised AND flow.server_crane THEN 'modification'
        WHEN flow.client_asset IN (SELECT asset FROM stranger) OR flow.server_asset IN (SELECT asset FROM stranger) THEN 'stranger'
        -- Whether it was used when none of the work orders held that it rests on is not known.
        WHEN flow.between_orders THEN 'unclear'
        -- Where the capture shows too little to recognise the protocol, a conduit between the two may allow it.
        WHEN flow.protocol IS NULL AND flow.dim = flow.count AND EXISTS (
             SELECT 1 FROM joined j
             WHERE (j.origin IN (flow.client_asset, flow.client_zone) AND j.goal IN (flow.server_asset, flow.server_zone))
                OR (j.origin IN (flow.server_asset, flow.server_zone) AND j.goal IN (flow.client_asset, flow.client_zone))) THEN 'unclear'
        WHEN flow.needless IS NOT NULL AND (flow.client_crane OR flow.server_crane) AND NOT (s.desk AND flow.client_role = 'jump-host')
             AND CASE flow.needless
                 WHEN 'time from the internet' THEN flow.client_crane AND s.server_outside
                 WHEN 'names from the internet' THEN flow.client_crane AND s.server_outside
                 WHEN 'ftp' THEN flow.crosses
                 WHEN 'tftp' THEN flow.crosses
                 ELSE 1 END THEN 'needless-service'
        WHEN (s.client_outside AND flow.server_crane) OR (s.server_outside AND flow.client_crane) THEN 'third-party'
        -- A party that comes by the access declared for it comes as agreed, unless a conduit says what and until when.
        WHEN flow.client_party IS NOT NULL AND EXISTS (
             SELECT 1 FROM site_party q WHERE q.name = flow.client_party AND q.access = flow.server_asset)
             AND NOT EXISTS (SELECT 1 FROM site_conduit_pair x WHERE x.from_party = flow.client_party
                 AND COALESCE(x.to_asset, x.to_zone) IN (flow.server_asset, flow.server_zone)) THEN NULL
        WHEN (flow.client_party IS NOT NULL AND flow.server_role IS NOT NULL AND NOT s.server_outside)
             OR (flow.server_party IS NOT NULL AND flow.client_role IS NOT NULL AND NOT s.client_outside) THEN
             -- What a scanner exchanges is asked for with its contract, under T2.
             CASE WHEN 'scanner' IN (COALESCE(flow.client_role, ''), COALESCE(flow.server_role, '')) THEN NULL ELSE 'third-party' END
        WHEN s.client_outside AND flow.server_role IN ('jump-host', 'transfer-gate') THEN 'third-party'
        WHEN flow.manages AND flow.server_crane AND flow.client_crane AND flow.client_kind <> 'crane-management'
             AND COALESCE(flow.client_role, '') NOT IN ('engineering-station', 'jump-host') THEN 'management'
        WHEN NOT flow.crosses OR flow.client_local OR flow.server_local OR NOT (flow.client_crane OR flow.server_crane) THEN NULL
        WHEN flow.client_kind IN ('port-operations', 'dmz', 'crane-management', 'remote-operations')
             OR flow.server_kind IN ('port-operations', 'dmz', 'crane-management', 'remote-operations') THEN
             CASE WHEN 'business' IN (flow.client_kind, flow.server_kind) THEN 'segment' ELSE 'crossing' END
        ELSE 'segment'
    END
    FROM flow_sides s LEFT JOIN prober p ON p.asset = flow.client_asset AND flow.time BETWEEN p.time AND p.last
    WHERE s.id = flow.id
    LIMIT 1
)
WHERE unexplained;

-- Each unauthorised modification of a device of the crane network.
CREATE VIEW unauthorised AS
SELECT o.*
FROM operation o
LEFT JOIN site_zone z ON z.name = o.target_zone
WHERE o.modifies AND o.operation <> 'authenticate' AND o.work_order IS NULL AND o.conduit IS NULL
  AND (z.is_crane OR o.crane IS NOT NULL)
  -- Files that came into the crane network are told as such, others of a service that it does not need with the service.
  AND NOT (o.operation IN ('file-read', 'file-write', 'file-delete') AND EXISTS (
      SELECT 1 FROM flow f WHERE f.story IN ('needless-service', 'file') AND f.client_asset = COALESCE(o.source_asset, o.source)
         AND f.server_asset = COALESCE(o.target_asset, o.target) AND f.protocol = o.protocol));

-- By an agreed path, and yet something was done that nothing authorises: the pair of zones is not clean meanwhile.
CREATE VIEW beyond AS
SELECT client_zone, server_zone,
       CASE WHEN 'business' IN (a.kind, b.kind) OR NOT (a.kind IN ('port-operations', 'dmz', 'crane-management', 'remote-operations')
                 OR b.kind IN ('port-operations', 'dmz', 'crane-management', 'remote-operations')) THEN 'C1' ELSE 'C11' END AS told_under,
       SUM(count) AS count, SUM(bytes_out) AS bytes_out, SUM(bytes_in) AS bytes_in, MIN(time) AS time, MAX(last) AS last,
       json_group_array(DISTINCT what ORDER BY what) AS what, json_group_array(DISTINCT conduit) AS allowed_by
FROM (SELECT f.*, COALESCE(client_asset, client) || ' → ' || COALESCE(server_asset, server) || ' by ' || service AS what FROM flow f) f
JOIN site_zone a ON a.name = f.client_zone JOIN site_zone b ON b.name = f.server_zone
WHERE f.unauthorised AND f.server_crane AND f.conduit IS NOT NULL AND NOT f.unexplained AND f.crosses
  AND a.kind NOT IN ('internet', 'third-party') AND b.kind NOT IN ('internet', 'third-party')
GROUP BY client_zone, server_zone;

CREATE INDEX flow_story ON flow(story);
CREATE INDEX name_platform ON name(platform) WHERE platform IS NOT NULL;
CREATE INDEX coverage_zone ON coverage(zone, what);
