"""Who may talk to whom in the cluster, by the network policies of the manifests as a cluster reads them."""

from typing import Any

from exchange_site.tests.test_kubernetes import FOLDER, files_of, named, pods, template_of


def chosen(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    for rule in selector.get("matchExpressions", ()):
        assert rule["operator"] == "NotIn"
        if labels.get(rule["key"]) in rule["values"]:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def reaches(objects: list[dict[str, Any]], client: str, server: str, port: int | str) -> bool:
    """Whether the policies of both let a pod of `client` connect to that port of `server`, as a cluster reads them."""
    labels = {name: template_of(workload)["metadata"]["labels"] for name, workload, _ in pods(objects)}
    for kind, side, of, other in (("Ingress", "from", server, client), ("Egress", "to", client, server)):
        policies = [
            one["spec"]
            for one in named(objects, "NetworkPolicy").values()
            if kind in one["spec"]["policyTypes"] and chosen(one["spec"]["podSelector"], labels[of])
        ]
        allowed = [
            rule
            for policy in policies
            for rule in policy.get(kind.lower()) or ()
            if port in {entry["port"] for entry in rule["ports"]}
            and (
                side not in rule
                or any("podSelector" in peer and chosen(peer["podSelector"], labels[other]) for peer in rule[side])
            )
        ]
        if policies and not allowed:
            return False
    return True


def test_who_may_talk_to_whom():
    everything = [*files_of(FOLDER / "overlays" / "one-node"), *files_of(FOLDER / "components" / "backup")]
    names = {name for name, _, _ in pods(everything)}
    in_front = {"nginx", "market-maker"}
    for server, port in (("postgres", 5432), ("redis-log", 6379), ("redis-fan", 6379)):
        clients = {name for name in names if reaches(everything, name, server, port)}
        assert clients == names - in_front - {"postgres", "redis-log", "redis-fan"}, server
    assert {name for name in names if reaches(everything, name, "web", "http")} == {"nginx", "celery-worker"}
    assert "market-maker" in {name for name in names if reaches(everything, name, "nginx", "http")}
    for name in names - {"nginx"}:  # Nobody else is asked for anything but figures, and those by Prometheus.
        assert not reaches(everything, "nginx", name, 9100), name
