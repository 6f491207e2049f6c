// The box in the head of the list of deleted objects checks or clears all of the page.
'use strict';
{
    const all = document.getElementById('sonic-choose-all');
    if (all) {
        all.addEventListener('change', () => {
            for (const box of document.querySelectorAll('input.action-select')) {
                box.checked = all.checked;
            }
        });
    }
}
