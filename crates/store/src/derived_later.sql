-- Indices of the kinds of fact with the most rows, made while flows are gathered on another core.

CREATE INDEX remote_session_pair ON remote_session(client_asset, server_asset);
CREATE INDEX operation_pair ON operation(source_asset, target_asset);
