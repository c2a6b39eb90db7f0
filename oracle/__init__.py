"""Follow price sources and turn their quotes into prices one can trust."""
