"""An identity provider on a loopback port: OAuth 2 with PKCE as Cognito and others do it, Cognito's
own API with SRP, and an API that takes its tokens. It refuses what the real ones refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.loopback import Handler, Server, served

CLIENT_ID = "client-1"
POOL = "eu-west-1_AbC123"
REDIRECTS = {f"http://localhost:{port}/callback" for port in (8976, 8977, 8978)}

# RFC 3526, group 15; written anew here, so that the client isn't judged by its own arithmetic.
_N = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e34"
    "04ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6"
    "f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a6916"
    "3fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c"
    "32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea95"
    "6ae515d2261898fa051015728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea7157"
    "5d060c7db3970f85a6e1e4c7abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d876"
    "02733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e"
    "4b82d120a93ad2caffffffffffffffff",
    16,
)


@dataclass
class Person:
    """A person with an account, and Cognito's challenges after the password."""

    password: str
    sub: str
    email: str
    challenges: list[str] = field(default_factory=list)
    code: str = "123456"
    attributes: list[str] = field(default_factory=list)  # that NEW_PASSWORD_REQUIRED wants


@dataclass
class Request:
    """One request, as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Reply:
    """An answer."""

    status: int
    members: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


class FakeSignIn:
    """State shared by the handler's threads. `url` is the API's base URL."""

    def __init__(self) -> None:
        self.root = ""
        self.seen: list[Request] = []
        self.people = {
            "ann": Person("Correct horse 1!", "sub-ann", "ann@example.com"),
            "ben": Person("pä ss:wörd 2", "sub-ben", "ben@example.com"),
        }
        self.browser_user = "ann"
        self.denies = False
        self.cognito = True  # the deployment's own pool; otherwise endpoints are discovered
        self.discovery: dict[str, Any] = {}
        self.tamper: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.life = 3600
        self.rotates = False
        self.delay = 0.0
        self.faults: dict[str, list[Reply]] = {}
        self.access: dict[str, str] = {}  # of whom each is
        self.refresh: dict[str, str] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"{self.root}/api"

    @property
    def issuer(self) -> str:
        return f"{self.root}/{POOL}" if self.cognito else f"{self.root}/issuer"

    def requests(self, what: str) -> list[Request]:
        """Requests whose "METHOD /path" begins with `what`."""
        return [seen for seen in self.seen if f"{seen.method} {seen.path}".startswith(what)]

    def operations(self) -> list[str]:
        """Requests to Cognito's own API."""
        return [
            seen.headers["x-amz-target"].partition(".")[2]
            for seen in self.requests("POST /cognito")
        ]

    def fail(self, what: str, *replies: Reply) -> None:
        """Meet the next requests whose "METHOD /path" begins with `what` with these."""
        self.faults.setdefault(what, []).extend(replies)

    def end_access(self) -> None:
        """Make the API refuse every access token that is out."""
        self.access.clear()

    def answer(self, seen: Request) -> Reply:
        with self._lock:
            self.seen.append(seen)
            for what, replies in self.faults.items():
                if f"{seen.method} {seen.path}".startswith(what) and replies:
                    return replies.pop(0)
        if self.delay and seen.path in {"/oauth2/token", "/cognito"}:
            time.sleep(self.delay)
        with self._lock:
            return self._route(seen)

    def _route(self, seen: Request) -> Reply:  # noqa: PLR0911
        match seen.method, seen.path:
            case "GET", "/api/sign-in":
                return Reply(200, self._sign_in())
            case "GET", "/api/files" | "/api/files/folders":
                return self._files(seen)
            case "GET", "/issuer/.well-known/openid-configuration":
                return Reply(200, self._discovery())
            case "GET", "/oauth2/authorize":
                return self._authorize(seen.query)
            case "POST", "/oauth2/token":
                return self._token(seen.form)
            case "POST", "/oauth2/revoke":
                self.refresh.pop(seen.form["token"], None)
                return Reply(200)
            case "POST", "/cognito":
                return self._cognito(seen)
        return Reply(404, {"message": "Not Found"})

    def _sign_in(self) -> dict[str, Any]:
        found = {"issuer": self.issuer, "client_id": CLIENT_ID, "scopes": ["openid", "email"]}
        if self.cognito:
            found |= {
                "authorization_endpoint": f"{self.root}/oauth2/authorize",
                "token_endpoint": f"{self.root}/oauth2/token",
                "end_session_endpoint": f"{self.root}/logout",
                "cognito_endpoint": f"{self.root}/cognito",
            }
        return found

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.root}/oauth2/authorize",
            "token_endpoint": f"{self.root}/oauth2/token",
            "revocation_endpoint": f"{self.root}/oauth2/revoke",
            "scopes_supported": ["openid", "email", "offline_access"],
            **self.discovery,
        }

    def _files(self, seen: Request) -> Reply:
        kind, _, token = seen.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.access:
            return Reply(401, {"message": "Unauthorized"})
        if seen.path.endswith("/folders"):
            return Reply(200, {"items": [], "cursor": None})
        file = {
            "file_id": "01J0000000000000000000000A",
            "name": f"file of {self.access[token]}",
            "size": 3,
            "content_type": "text/plain",
            "sha256": hashlib.sha256(b"abc").hexdigest(),
            "verified": True,
            "created_at": "2026-11-22T09:00:00.000Z",
        }
        return Reply(200, {"items": [file], "cursor": None})

    # OAuth 2

    def _authorize(self, query: dict[str, str]) -> Reply:
        redirect = query.get("redirect_uri")
        if query.get("client_id") != CLIENT_ID or redirect not in REDIRECTS:
            return Reply(400, {"error": "no redirect"})
        back = {"state": query.get("state", "")}
        if (
            query.get("response_type") != "code"
            or query.get("code_challenge_method") != "S256"
            or len(query.get("code_challenge", "")) != 43
            or "openid" not in query.get("scope", "").split()
        ):
            back |= {"error": "invalid_request"}
        elif self.denies:
            back |= {"error": "access_denied", "error_description": "She said <no>."}
        else:
            code = secrets.token_urlsafe(8)
            self.codes[code] = query | {"user": self.browser_user}
            back |= {"code": code}
        return Reply(302, headers={"Location": f"{redirect}?{urlencode(back)}"})

    def _token(self, form: dict[str, str]) -> Reply:
        if form.get("client_id") != CLIENT_ID:
            return Reply(400, {"error": "invalid_client"})
        match form.get("grant_type"):
            case "authorization_code":
                asked = self.codes.pop(form["code"], None)
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if (
                    asked is None
                    or asked["redirect_uri"] != form["redirect_uri"]
                    or asked["code_challenge"] != challenge
                ):
                    return Reply(400, {"error": "invalid_grant"})
                given = self._tokens(asked["user"], asked["scope"], asked.get("nonce"))
                return Reply(200, given | self._new_refresh(asked["user"], asked["scope"]))
            case "refresh_token":
                user = self.refresh.get(form["refresh_token"])
                if user is None:
                    return Reply(
                        400, {"error": "invalid_grant", "error_description": "Token is gone"}
                    )
                rotated = {}
                if self.rotates:
                    del self.refresh[form["refresh_token"]]
                    rotated = self._new_refresh(user, "offline_access")
                return Reply(200, self._tokens(user, "openid email", None) | rotated)
        return Reply(400, {"error": "unsupported_grant_type"})

    def _new_refresh(self, user: str, scope: str) -> dict[str, str]:
        if not self.cognito and "offline_access" not in scope.split():
            return {}
        token = f"refresh-{secrets.token_urlsafe(16)}"
        self.refresh[token] = user
        return {"refresh_token": token}

    def _tokens(self, user: str, scope: str, nonce: str | None) -> dict[str, Any]:
        person = self.people[user]
        now = int(time.time())
        common = {"sub": person.sub, "iss": self.issuer, "iat": now, "exp": now + self.life}
        access = jwt(
            {**common, "client_id": CLIENT_ID, "token_use": "access", "username": person.sub}
        )
        self.access[access] = user
        found = {"access_token": access, "token_type": "Bearer", "expires_in": self.life}
        if "openid" in scope.split():
            claims = {**common, "aud": CLIENT_ID, "token_use": "id", "email": person.email}
            if nonce:
                claims["nonce"] = nonce
            found["id_token"] = jwt(self.tamper(claims))
        return found

    # Cognito's own API

    def _cognito(self, seen: Request) -> Reply:  # noqa: PLR0911
        asked = seen.json
        if asked.get("ClientId") != CLIENT_ID:
            return _exception("ResourceNotFoundException", "User pool client does not exist.")
        match seen.headers["x-amz-target"], asked.get("AuthFlow"):
            case "AWSCognitoIdentityProviderService.InitiateAuth", "USER_SRP_AUTH":
                return self._srp_challenge(asked["AuthParameters"])
            case "AWSCognitoIdentityProviderService.GetTokensFromRefreshToken", _:
                user = self.refresh.get(asked["RefreshToken"])
                if user is None:
                    return _exception("NotAuthorizedException", "Refresh Token has been revoked")
                result = self._result(user)
                if self.rotates:
                    del self.refresh[asked["RefreshToken"]]
                else:
                    del self.refresh[result.pop("RefreshToken")]
                return Reply(200, {"AuthenticationResult": result})
            case "AWSCognitoIdentityProviderService.RespondToAuthChallenge", _:
                return self._respond(asked)
            case "AWSCognitoIdentityProviderService.RevokeToken", _:
                self.refresh.pop(asked["Token"], None)
                return Reply(200, {})
        return _exception("InvalidParameterException", "flow not enabled for this client")

    def _srp_challenge(self, given: dict[str, str]) -> Reply:
        # An unknown person gets a challenge too, which has no right answer.
        person = self.people.get(given["USERNAME"]) or Person("", "sub-nobody", "")
        public = int(given["SRP_A"], 16)
        if public % _N == 0:
            return _exception("InvalidParameterException", "SRP_A")
        salt, block = secrets.token_bytes(16), secrets.token_bytes(600)
        pool = POOL.partition("_")[2]
        inner = _sha256(f"{pool}{person.sub}:{person.password}".encode())
        x = _number(_sha256(_signed(_number(salt)) + inner))
        verifier = pow(2, x, _N)
        private = secrets.randbits(256)
        k = _number(_sha256(_signed(_N) + b"\x02"))
        mine = (k * verifier + pow(2, private, _N)) % _N
        u = _number(_sha256(_signed(public) + _signed(mine)))
        shared = pow(public * pow(verifier, u, _N), private, _N)
        pseudorandom = hmac.new(_signed(u), _signed(shared), "sha256").digest()
        key = hmac.new(pseudorandom, b"Caldera Derived Key\x01", "sha256").digest()[:16]
        encoded = base64.b64encode(block).decode()
        self.sessions[encoded] = {"user": given["USERNAME"], "key": key, "sub": person.sub}
        return Reply(
            200,
            {
                "ChallengeName": "PASSWORD_VERIFIER",
                "ChallengeParameters": {
                    "SALT": salt.hex(),
                    "SRP_B": f"{mine:x}",
                    "SECRET_BLOCK": encoded,
                    "USERNAME": person.sub,
                    "USER_ID_FOR_SRP": person.sub,
                },
            },
        )

    def _respond(self, asked: dict[str, Any]) -> Reply:  # noqa: PLR0911
        given, name = asked["ChallengeResponses"], asked["ChallengeName"]
        if name == "PASSWORD_VERIFIER":
            session = self.sessions.pop(given["PASSWORD_CLAIM_SECRET_BLOCK"])
            stamp = datetime.strptime(given["TIMESTAMP"], "%a %b %d %H:%M:%S %Z %Y")  # noqa: DTZ007
            if abs(stamp.replace(tzinfo=UTC).timestamp() - time.time()) > 300:
                return _exception("NotAuthorizedException", "Invalid timestamp.")
            message = POOL.partition("_")[2].encode() + session["sub"].encode()
            message += base64.b64decode(given["PASSWORD_CLAIM_SECRET_BLOCK"])
            message += given["TIMESTAMP"].encode()
            proof = base64.b64encode(hmac.digest(session["key"], message, "sha256")).decode()
            if session["user"] not in self.people or proof != given["PASSWORD_CLAIM_SIGNATURE"]:
                return _exception("NotAuthorizedException", "Incorrect username or password.")
            return self._next(session["user"], list(self.people[session["user"]].challenges))
        session = self.sessions.get(asked.get("Session", ""), {})
        person = self.people.get(session.get("user", ""))
        if person is None or given["USERNAME"] != person.sub or session["left"][0] != name:
            return _exception("NotAuthorizedException", "Invalid session for the user.")
        left = session["left"][1:]
        match name:
            case "NEW_PASSWORD_REQUIRED":
                if len(given["NEW_PASSWORD"]) < 12:
                    return _exception(
                        "InvalidPasswordException",
                        "Password did not conform with policy: Password not long enough",
                    )
                person.password = given["NEW_PASSWORD"]
                person.challenges.remove(name)
            case "SELECT_MFA_TYPE":
                left = [given["ANSWER"], *left]
            case _ if given.get(f"{name}_CODE") != person.code:
                return _exception("CodeMismatchException", "Invalid code received for user")
        del self.sessions[asked["Session"]]
        return self._next(session["user"], left)

    def _next(self, user: str, left: list[str]) -> Reply:
        if not left:
            return Reply(200, {"AuthenticationResult": self._result(user)})
        session = secrets.token_urlsafe(24)
        self.sessions[session] = {"user": user, "left": left}
        parameters = {
            "NEW_PASSWORD_REQUIRED": {
                "requiredAttributes": json.dumps(self.people[user].attributes),
                "userAttributes": "{}",
            },
            "SMS_MFA": {"CODE_DELIVERY_DESTINATION": "+*******1234"},
            "SELECT_MFA_TYPE": {"MFAS_CAN_CHOOSE": '["SMS_MFA","SOFTWARE_TOKEN_MFA"]'},
        }.get(left[0], {})
        return Reply(
            200,
            {"ChallengeName": left[0], "Session": session, "ChallengeParameters": parameters},
        )

    def _result(self, user: str) -> dict[str, Any]:
        found = self._tokens(user, "openid", None)
        return {
            "AccessToken": found["access_token"],
            "IdToken": found["id_token"],
            "RefreshToken": self._new_refresh(user, "offline_access")["refresh_token"],
            "TokenType": "Bearer",
            "ExpiresIn": self.life,
        }


def jwt(claims: dict[str, Any]) -> str:
    """A token that says this, with an id of its own and no real signature."""
    payload = json.dumps({**claims, "jti": secrets.token_hex(4)}).encode()
    parts = (b'{"alg":"RS256"}', payload, b"signature")
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _exception(kind: str, message: str) -> Reply:
    # AWS's names may carry a namespace.
    return Reply(400, {"__type": f"com.amazonaws.cognito#{kind}", "message": message})


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")


def _signed(number: int) -> bytes:
    digits = f"{number:x}"
    digits = "0" * (len(digits) % 2) + digits
    return bytes.fromhex(f"00{digits}" if int(digits[0], 16) > 7 else digits)


class _Server(Server):
    """
    Attributes:
        fake: Answers the requests.
    """

    fake: FakeSignIn


class _Handler(Handler):
    server: _Server

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query))
        request = Request(self.command, parts.path, query, headers, body)
        reply = self.server.fake.answer(request)
        if reply.status == 0:
            self.close_connection = True
            return
        content = b"" if reply.members is None else json.dumps(reply.members).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def signing_in() -> Iterator[FakeSignIn]:
    """A provider on a free port, gone at the end."""
    server = _Server(_Handler)
    server.fake = fake = FakeSignIn()
    fake.root = server.url
    with served(server):
        yield fake
