"""The client of an OpenID provider: the Authorization Code flow with PKCE. Knows no user, no session and no cookie.

Imports `authlib`, which is an extra, so that only a server with `[oidc]` needs it.
"""
