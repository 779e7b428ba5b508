"""Serves an account: ElevenLabs' clients look at it before they speak, often to try their key."""

from __future__ import annotations

from typing import Any

from app.api.elevenlabs.dialect import DIALECT
from app.api.http.routes import dialect_router
from app.wording.support import Support

_PLENTY = 1_000_000_000
_SUBSCRIPTION: dict[str, Any] = {
    "tier": "unlimited",
    "status": "active",
    "character_count": 0,
    "character_limit": _PLENTY,
    "max_credit_limit_extension": "unlimited",
    "can_extend_character_limit": False,
    "allowed_to_extend_character_limit": False,
    "next_character_count_reset_unix": None,
    "voice_slots_used": 0,
    "voice_limit": _PLENTY,
    "voice_add_edit_counter": 0,
    "can_extend_voice_limit": False,
    "can_use_instant_voice_cloning": True,
    "professional_voice_slots_used": 0,
    "professional_voice_slots_used_in_workspace": 0,
    "professional_voice_limit": 0,
    "can_use_professional_voice_cloning": False,
    "current_overage": {"amount": "0", "currency": "usd"},
}

router = dialect_router(DIALECT)


@router.get("/v1/user")
async def user() -> dict[str, Any]:
    """Describe the user, who is always the same: everybody who has the key is one user."""
    return {
        "user_id": "owner",
        "workspace_id": "owner",
        "subscription": _SUBSCRIPTION,
        "is_new_user": False,
        "can_use_delayed_payment_methods": False,
        "is_onboarding_completed": True,
        "is_onboarding_checklist_completed": True,
        "created_at": 0,
        "seat_type": "workspace_admin",
    }


@router.get("/v1/user/subscription")
async def subscription() -> dict[str, Any]:
    """Describe a subscription that never changes: nothing is counted here, and nothing is paid."""
    return {**_SUBSCRIPTION, "open_invoices": [], "has_open_invoices": False}


SUPPORT = (
    Support("GET /v1/user", "subscription", "without effect", "constant: nothing is counted"),
    Support(
        "GET /v1/user/subscription",
        "character_limit",
        "without effect",
        "constant: nothing is counted",
    ),
)
