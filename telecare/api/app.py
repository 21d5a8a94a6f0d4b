"""The API as one piece: its routes, its errors and its description."""

from fastapi import FastAPI

from telecare.api import docs
from telecare.api.endpoints import (
    acceptance,
    access,
    alarms,
    audit,
    calendars,
    callbacks,
    contact_points,
    covers,
    exposure,
    firmware,
    fleet_export,
    fleet_import,
    forecast,
    health,
    hub_commands,
    hubs,
    incidents,
    jobs,
    metrics,
    models,
    notices,
    people,
    planned_work,
    policies,
    premises,
    presence,
    protection,
    responders,
    rota_changes,
    rota_files,
    rotas,
    stream,
    switchover_engineers,
    switchover_import,
    switchover_plans,
    switchover_programmes,
    switchover_proposals,
    switchover_report,
    teams,
    telco,
    telemetry,
    testing,
    visit_calendars,
    visit_needs,
    visits,
    welfare,
)
from telecare.api.openapi import describe
from telecare.api.problems import install_problem_handlers

VITAL = (health.router, metrics.router)
"""What every process answers, whatever its roles."""

ROUTERS = (
    *VITAL,
    alarms.router,
    stream.router,
    incidents.router,
    fleet_import.router,
    fleet_export.router,
    switchover_import.router,
    presence.router,
    telemetry.router,
    telemetry.fleet_router,
    hubs.router,
    hub_commands.router,
    testing.router,
    acceptance.router,
    testing.windows,
    protection.people,
    jobs.router,
    exposure.router,
    forecast.router,
    telco.router,
    switchover_report.router,
    switchover_report.reports,
    switchover_programmes.router,
    switchover_plans.router,
    switchover_proposals.router,
    switchover_engineers.router,
    visit_calendars.router,
    switchover_engineers.absences,
    switchover_engineers.rules,
    visits.router,
    visit_needs.router,
    people.router,
    protection.router,
    protection.reports,
    premises.router,
    models.router,
    models.councils,
    access.router,
    audit.router,
    contact_points.router,
    covers.router,
    firmware.router,
    welfare.router,
    policies.router,
    notices.router,
    planned_work.router,
    responders.router,
    teams.router,
    rota_files.router,
    rotas.router,
    rota_changes.router,
    calendars.router,
    callbacks.router,
    docs.router,
)


def install_api(app: FastAPI, *, web: bool) -> None:
    """Put the API into the application: all of it in a process of the role `web`, else what says how it fares."""
    routers = ROUTERS if web else VITAL
    for router in routers:
        app.include_router(router)
    install_problem_handlers(app, [route for router in routers for route in router.routes])
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
