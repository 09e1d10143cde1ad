"""Pictures of the chat playground: taken as drafts, shown to their owner alone, dropped."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from inference.playground.forms import PromptForm, picture_ids
from inference.playground.pictures import PictureRefused, draft_drop, pictures_keep, uploads_of
from inference.playground.selectors import pictures_chosen, pictures_visible
from inference.views.playground import conversation_id, conversation_of, files_of, page_context, refused_part, user_of

# Should a browser take one for anything but a picture, it may neither run nor fetch.
POLICY = "default-src 'none'; sandbox"


@login_required
@require_POST
def pictures(request: HttpRequest) -> HttpResponse:
    """Files for the composer that is open: thumbnails of what was taken, or why nothing was."""
    user = user_of(request)
    try:
        uploads = uploads_of(files_of(request), beside=len(picture_ids(request.POST)))
        kept = pictures_keep(user=user, uploads=uploads)
    except PictureRefused as refusal:
        return refused_part(request, str(refusal))
    response = render(request, "inference/playground_pictures_taken.html", {"pictures": kept})
    response["HX-Trigger-After-Swap"] = "composer-reset"
    return response


@login_required
@require_GET
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(pictures_visible(user=user_of(request)), pk=pk)
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": POLICY,
        "Content-Disposition": "inline",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=3600",
    }
    return HttpResponse(bytes(found.content), content_type=found.content_type, headers=headers)


@login_required
@require_POST
def picture_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft is taken out of the composer; without scripts the page comes back as it was, less the picture."""
    user = user_of(request)
    draft_drop(user=user, pk=pk)
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Trigger-After-Swap": "composer-reset"})
    form = PromptForm(request.POST)
    form.pictures = pictures_chosen(user=user, ids=picture_ids(request.POST))
    conversation = conversation_of(request, form["conversation"].value() and conversation_id(form))
    return render(request, "inference/playground.html", page_context(request, conversation, form))
