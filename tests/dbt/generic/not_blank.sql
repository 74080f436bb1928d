-- A blank id would be a blank line in the published file: consumers would read it as an id.
{% test not_blank(model, column_name) %}

select {{ column_name }}
from {{ model }}
where trim({{ column_name }}) = ''

{% endtest %}
