"""Microsoft's agent-governance-toolkit-core: policy engine and audit log with its file sink.

As its documentation says: "In production you need durable storage. The toolkit provides
`FileAuditSink` out of the box" (its repository, docs/tutorials/04-audit-and-compliance.md, section
5), with an HMAC key and rotation at 50 MB. For each entry the sink opens a file of JSON lines,
appends and closes it, and never calls fsync: the last entries are lost with the power.

Two evaluations of policy (refund, reply) as `govern()` makes them, and three audit entries: the
intent before the effect, the decision of 1 KB after it, the reply. It has no store of messages:
what was received already is known in memory only. Its calls block, so a concurrency is a queue.
Hash chain and Merkle tree in memory; no encryption, no owner, no durable intent, no lease.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agentmesh.governance.audit import AuditLog
from agentmesh.governance.audit_backends import FileAuditSink
from agentmesh.governance.policy import PolicyEngine
from workload import AMOUNT_MINOR, REPLY, Message, Outside, decision, intent, main

_AGENT = "did:web:support.example.org"
_POLICY = """
apiVersion: governance.toolkit/v1
name: support
agents: ["*"]
default_action: deny
rules:
  - name: refund-small
    condition: "action.type == 'refund' and action.amount_minor <= 20000"
    action: allow
  - name: answer
    condition: "action.type == 'reply'"
    action: allow
"""
_ROTATE_BYTES = 50 * 1024 * 1024


class WithToolkit:
    async def open(self, home: Path, outside: Outside, _concurrency: int) -> None:
        self._outside = outside
        self._engine: Any = PolicyEngine(conflict_strategy="deny_overrides")
        self._engine.load_yaml(_POLICY)
        self._sink: Any = FileAuditSink(
            home / "audit.jsonl", b"a key of 32 bytes for the bench.", max_file_size=_ROTATE_BYTES
        )
        self._audit: Any = AuditLog(sink=self._sink)
        self._received: set[str] = set()

    async def interact(self, message: Message) -> None:
        key, party = message.external_id, message.sender
        if key in self._received:
            return
        self._received.add(key)
        asked = {"type": "refund", "amount_minor": AMOUNT_MINOR}
        self._allowed("policy_evaluation", key, asked, intent(key, party))
        receipt = self._outside.refund(key, AMOUNT_MINOR)
        self._audit.log(
            event_type="tool_invocation", agent_did=_AGENT, action="refund", resource=party,
            data={"decision": decision(key, party, receipt)}, trace_id=key,
        )  # fmt: skip
        self._allowed("reply", key, {"type": "reply"}, {"text": REPLY})

    def _allowed(
        self, event: str, key: str, action: dict[str, object], data: dict[str, object]
    ) -> None:
        said = self._engine.evaluate(_AGENT, {"action": action})
        self._audit.log(
            event_type=event, agent_did=_AGENT, action=action["type"], outcome=said.action,
            policy_decision=said.action, data=data, trace_id=key,
        )  # fmt: skip
        if not said.allowed:
            raise SystemExit(f"the toolkit refused: {said.reason}")

    async def close(self) -> None:
        self._sink.close()

    def replies(self, home: Path) -> int:
        files = home.glob("audit*.jsonl")
        return sum(file.read_text().count('"event_type": "reply"') for file in files)

    def facts(self) -> dict[str, str]:
        return {
            "durability": "a file that is never fsynced; what was received is in memory only",
            "agent-governance-toolkit-core": version("agent-governance-toolkit-core"),
        }


if __name__ == "__main__":
    sys.exit(main(WithToolkit))
