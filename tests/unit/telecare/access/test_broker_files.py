from telecare.access.broker import BrokerRole
from telecare.access.broker_export import OtherAccount, broker_files

SERVICE = OtherAccount("$7$101$service$x", BrokerRole.SERVICE)
GATEWAY = OtherAccount("$7$101$gateway$x", BrokerRole.GATEWAY)


def test_every_account_has_a_line_and_the_same_accounts_make_the_same_text():
    files = broker_files({"hub-2": "$7$101$b$x", "hub-1": "$7$101$a$x"}, {"telecare": SERVICE})
    assert files.passwords == "hub-1:$7$101$a$x\nhub-2:$7$101$b$x\ntelecare:$7$101$service$x\n"
    assert files.left_out == ()
    assert files == broker_files({"hub-1": "$7$101$a$x", "hub-2": "$7$101$b$x"}, {"telecare": SERVICE})


def test_hubs_have_rules_by_their_name_and_others_by_their_role():
    acl = broker_files({}, {"telecare": SERVICE, "relay": GATEWAY}).acl
    hubs, relay, service = (part.splitlines() for part in acl.split("\n\n"))
    assert "pattern write telecare/v1/%u/alarm" in hubs
    assert "pattern read telecare/v1/%u/ack" in hubs
    assert relay[0] == "user relay"
    assert "topic write telecare/v1/+/alarm" in relay
    assert "topic read telecare/v1/+/command" in relay
    assert service[0] == "user telecare"
    assert "topic read telecare/v1/+/alarm" in service
    assert "topic write telecare/v1/+/command" in service
    assert {"topic write telecare/v1/+/marker", "topic read telecare/v1/+/marker"} <= set(service)
    assert not any("marker" in line for line in (*hubs, *relay)), "the service alone speaks to itself"


def test_a_hub_called_like_an_account_or_a_client_of_ours_is_left_out():
    files = broker_files({"telecare": "$7$101$evil$x", "telecare-alarm-1": "$7$101$evil$x"}, {"telecare": SERVICE})
    assert files.passwords == "telecare:$7$101$service$x\n"
    assert files.left_out == ("telecare", "telecare-alarm-1")


def test_a_name_that_would_add_a_line_is_left_out():
    evil = "relay\nuser hub-1\ntopic readwrite #"
    files = broker_files({}, {evil: GATEWAY, "telecare": SERVICE})
    assert "readwrite" not in files.acl
    assert "relay" not in files.passwords
    assert files.left_out == (evil,)


def test_the_canary_has_the_rules_of_a_hub_and_no_gateway_speaks_for_it():
    canary = OtherAccount("$7$101$canary$x", BrokerRole.CANARY)
    files = broker_files({"hub-1": "$7$101$a$x"}, {"telecare-canary": canary, "relay": GATEWAY, "telecare": SERVICE})
    assert "telecare-canary:$7$101$canary$x\n" in files.passwords
    assert "user telecare-canary" not in files.acl
    assert "topic deny telecare/v1/telecare-canary/#" in files.acl.partition("user relay")[2].partition("user ")[0]
    assert files.left_out == ()
