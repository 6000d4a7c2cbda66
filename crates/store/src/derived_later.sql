-- What the kinds of fact with the most rows are looked up by, made while flows are gathered on another core.

CREATE INDEX remote_session_pair ON remote_session(client_asset, server_asset);
